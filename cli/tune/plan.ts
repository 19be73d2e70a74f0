import { Command } from 'commander';
import { planJson } from '../../tuner/plan/plan-json.ts';
import { reportPlan } from '../../tuner/plan/report.ts';
import { ExitCode } from '../exit-codes.ts';
import { addPlanOptions, type PlanFlags, planFor } from './make-plan.ts';
import { addTuneOptions } from './options.ts';
import { withSession } from './session.ts';

interface Flags extends PlanFlags {
  readonly everything?: boolean | undefined;
  readonly diff: boolean;
}

export function planCommand(): Command {
  const command = new Command('plan')
    .description('what would change, when, why, and what cannot be here; changes nothing')
    .option('--everything', 'show settings too that are as wanted already')
    .option('--no-diff', "leave out the definitions' differences")
    .action(async (patterns: string[], flags: Flags) => {
      await withSession(flags, { readOnly: true }, async (session) => {
        const plan = await planFor(session, patterns, flags);
        const text =
          flags.json === true
            ? JSON.stringify(planJson(plan), null, 2)
            : reportPlan(plan, { all: flags.everything ?? false, diff: flags.diff });
        process.stdout.write(`${text}\n`);
        if (plan.placement.refusals.length > 0) process.exitCode = ExitCode.refused;
      });
    });
  return addTuneOptions(addPlanOptions(command));
}
