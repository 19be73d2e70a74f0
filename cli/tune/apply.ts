import { Command } from 'commander';
import { applyTransaction } from '../../tuner/apply/apply.ts';
import { TunerError } from '../../tuner/errors.ts';
import { allSteps, type Plan } from '../../tuner/plan/plan.ts';
import { reportPlacement, reportPlan } from '../../tuner/plan/report.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { shellWords } from '../shell-words.ts';
import { stopSignal } from '../signals.ts';
import { agreed } from './agreed.ts';
import { addPlanOptions, type PlanFlags, planFor, transactionDomain } from './make-plan.ts';
import { offerRecovery } from './offer-recovery.ts';
import { addRunOptions, addTuneOptions } from './options.ts';
import { sayOutcome, sayUnchanged, show } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';
import { withSession } from './session.ts';

interface Flags extends PlanFlags, RunFlags {
  readonly yes?: boolean | undefined;
  readonly force?: boolean | undefined;
}

/** A domain that changes each time that it is planned for is somebody else's work. */
const PLANS_MAX = 3;

export function applyCommand(): Command {
  const command = new Command('apply')
    .description('make it so: journalled, proved by reading back, undone as a whole when something fails')
    .option('-y, --yes', 'do not ask')
    .option('--force', 'plan anew, and ask anew, when a domain has changed since the plan was made')
    .action(async (patterns: string[], flags: Flags) => {
      const signal = stopSignal();
      await offerRecovery(flags, signal);
      for (let plans = 1; ; plans++) {
        const changed = await planAndApply(patterns, flags, signal);
        if (changed === undefined) return;
        if (flags.force !== true || plans === PLANS_MAX) throw changed;
        log(`virtune: ${changed.message}`);
        log('virtune: planning anew');
      }
    });
  return addRunOptions(addTuneOptions(addPlanOptions(command)));
}

/** Returns how a domain changed after the plan was made, where that was noticed before anything was touched. */
async function planAndApply(
  patterns: readonly string[],
  flags: Flags,
  signal: AbortSignal,
): Promise<TunerError | undefined> {
  const json = flags.json === true;
  const plan = await withSession(flags, { readOnly: false }, (session) => planFor(session, patterns, flags));
  const steps = allSteps(plan);
  show(reportPlan(plan, { all: false, diff: false }), json);
  if (plan.placement.refusals.length > 0) throw refused(plan);
  if (steps.length === 0) {
    sayUnchanged('there is nothing to change', json);
    return undefined;
  }
  if (flags.yes !== true && !(await agreed(`Make these changes (${steps.length} steps)?`))) {
    log('virtune: nothing was changed');
    process.exitCode = ExitCode.notConfirmed;
    return undefined;
  }
  try {
    const outcome = await applyTransaction(
      {
        id: plan.id,
        uri: plan.host.uri,
        hostname: plan.host.hostname,
        command: shellWords(['virtune', ...process.argv.slice(2)]),
        domains: plan.domains.map(({ state, profile }) => transactionDomain(state, profile.name)),
        steps,
        notes: waiting(plan),
      },
      runOptions(flags, signal),
    );
    process.exitCode = sayOutcome(outcome, json);
    return undefined;
  } catch (error) {
    if (error instanceof TunerError && error.code === 'TUNE_CHANGED') return error;
    throw error;
  }
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
