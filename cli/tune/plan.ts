import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { shellLine } from '../../model/shell-command.ts';
import { systemErrorText } from '../../model/system-error.ts';
import { TunerError } from '../../tuner/errors.ts';
import { planJson } from '../../tuner/plan/plan-json.ts';
import { reportPlan } from '../../tuner/plan/report.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { addPlanOptions, choose, type PlanFlags, planChoice } from './make-plan.ts';
import { addTuneOptions } from './options.ts';
import { planDocument } from './plan-file.ts';
import { withSession } from './session.ts';

interface Flags extends PlanFlags {
  readonly everything?: boolean | undefined;
  readonly diff: boolean;
  readonly output?: string | undefined;
}

export function planCommand(): Command {
  const command = new Command('plan')
    .description('show what would change, when and why; changes nothing')
    .option('--everything', 'also show unchanged settings')
    .option('--no-diff', 'do not show XML differences')
    .option('-o, --output <file>', 'also write the plan to a file, for virtune tune apply FILE')
    .action(async (patterns: string[], flags: Flags) => {
      await withSession(flags, { readOnly: true }, async (session) => {
        const at = new Date();
        const choice = await choose(session, patterns, flags);
        const plan = await planChoice(session, choice, at);
        const text =
          flags.json === true
            ? jsonText(planJson(plan), 2)
            : reportPlan(plan, { all: flags.everything ?? false, diff: flags.diff });
        process.stdout.write(`${text}\n`);
        if (plan.placement.refusals.length > 0) {
          process.exitCode = ExitCode.refused;
          if (flags.output !== undefined)
            log('virtune: a plan with rejected settings is not written to a file');
        } else if (flags.output !== undefined) {
          writePlan(flags.output, planDocument(session, choice, plan, at));
        }
      });
    });
  return addTuneOptions(addPlanOptions(command));
}

function writePlan(path: string, document: object): void {
  try {
    writeFileSync(path, `${jsonText(document, 2)}\n`);
  } catch (error) {
    throw new TunerError('TUNE_USAGE', `the plan cannot be written to ${path}: ${systemErrorText(error)}`);
  }
  log(
    `virtune: plan written to ${path}; ${shellLine(['virtune', 'tune', 'apply', path.startsWith('-') ? `./${path}` : path])} applies it`,
  );
}
