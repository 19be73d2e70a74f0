import { Command } from 'commander';
import { applyTransaction } from '../../tuner/apply/apply.ts';
import { TunerError } from '../../tuner/errors.ts';
import { allSteps, type Plan } from '../../tuner/plan/plan.ts';
import { reportPlacement, reportPlan } from '../../tuner/plan/report.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { agreed } from './agreed.ts';
import { addPlanOptions, type PlanFlags, planFor, transactionDomain } from './make-plan.ts';
import { offerRecovery } from './offer-recovery.ts';
import { addRunOptions, addTuneOptions } from './options.ts';
import { sayOutcome } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';
import { withSession } from './session.ts';

interface Flags extends PlanFlags, RunFlags {
  readonly yes?: boolean | undefined;
}

export function applyCommand(): Command {
  const command = new Command('apply')
    .description('make it so: journalled, proved by reading back, undone as a whole when something fails')
    .option('-y, --yes', 'do not ask')
    .action(async (patterns: string[], flags: Flags) => {
      const signal = stopSignal();
      await offerRecovery(flags, signal);
      const plan = await withSession(flags, { readOnly: false }, (session) =>
        planFor(session, patterns, flags),
      );
      const steps = allSteps(plan);
      process.stdout.write(`${reportPlan(plan, { all: false, diff: false })}\n`);
      if (plan.placement.refusals.length > 0) throw refused(plan);
      if (steps.length === 0) {
        log('virtune: there is nothing to change');
        return;
      }
      if (flags.yes !== true && !(await agreed(`Make these changes (${steps.length} steps)?`))) {
        log('virtune: nothing was changed');
        process.exitCode = ExitCode.notConfirmed;
        return;
      }
      const outcome = await applyTransaction(
        {
          id: plan.id,
          uri: plan.host.uri,
          hostname: plan.host.hostname,
          command: ['virtune', ...process.argv.slice(2)].join(' '),
          domains: plan.domains.map(({ state, profile }) => transactionDomain(state, profile.name)),
          steps,
          notes: waiting(plan),
        },
        runOptions(flags, signal),
      );
      process.exitCode = sayOutcome(outcome, flags.json === true);
    });
  return addRunOptions(addTuneOptions(addPlanOptions(command)));
}

function refused(plan: Plan): TunerError {
  return new TunerError(
    'TUNE_PLACEMENT',
    `nothing was changed:\n${reportPlacement(plan.placement).join('\n')}`,
  );
}

/** What is done, and not there before a boot. */
function waiting({ domains }: Plan): string[] {
  return domains
    .filter(({ needsRestart, steps }) => needsRestart && !steps.some(({ kind }) => kind === 'restart'))
    .map(({ state, rows }) => {
      const count = rows.filter(({ verdict }) => verdict.kind === 'boot').length;
      return `${JSON.stringify(state.domain.name)}: ${count} settings wait for its next boot; apply --restart brings them at once`;
    });
}
