import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { applyBatches } from '../../tuner/apply/apply-batches.ts';
import type { ApprovedPlan } from '../../tuner/apply/approved-plan.ts';
import { nothingToBoot } from '../../tuner/apply/boot-switch.ts';
import { type HeldHost, onHost, type RunOptions } from '../../tuner/apply/host-session.ts';
import { isSwitched, nothingToSwitch } from '../../tuner/apply/live-switch.ts';
import type { PlanBasis } from '../../tuner/apply/plan-basis.ts';
import { transactionsOf } from '../../tuner/apply/split-plan.ts';
import { TunerError } from '../../tuner/errors.ts';
import { describeDesign } from '../../tuner/measure/describe-design.ts';
import { type AnySettings, isByRestarts } from '../../tuner/measure/vm-experiment.ts';
import { allSteps, type Plan } from '../../tuner/plan/plan.ts';
import { reportPlacement, reportPlan } from '../../tuner/plan/report.ts';
import type { Step } from '../../tuner/steps/step.ts';
import { durationOption } from '../duration-option.ts';
import { ExitCode } from '../exit-codes.ts';
import { errorText, log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { agreed } from './agreed.ts';
import { applyMeasured } from './apply-measured.ts';
import { checkFigure } from './check-figure.ts';
import { chooseDomains, planFileIn } from './choose-domains.ts';
import { dryRun } from './dry-run.ts';
import { addExperimentOptions, type ExperimentFlags, experimentSettings } from './experiment-options.ts';
import { addPlanOptions, type Choice, type PlanFlags, planChoice, readProfile } from './make-plan.ts';
import { offerRecovery } from './offer-recovery.ts';
import { addRunOptions, addTuneOptions, count, UP_TO_A_DAY } from './options.ts';
import { printOutcome, printUnchanged, show } from './outcome.ts';
import { readPlanFile, remakePlan } from './plan-file.ts';
import { type RunFlags, runOptions } from './run-options.ts';
import { printRun } from './run-outcome.ts';
import { openLibrary, readHostname, withSession } from './session.ts';

interface Flags extends PlanFlags, RunFlags, ExperimentFlags {
  readonly yes?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly together?: boolean | undefined;
  readonly canary?: number | undefined;
  readonly batch?: number | undefined;
  /** Seconds. */
  readonly pause?: number | undefined;
}

/** A domain that changed during this many planning attempts is being modified by someone else. */
const PLANS_MAX = 3;

export function applyCommand(): Command {
  const command = new Command('apply')
    .description(
      'apply a plan, or the plan in a file (apply FILE): journalled, verified, and undone VM by VM on failure',
    )
    .option('-y, --yes', 'do not prompt')
    .option('--force', 'make a new plan and prompt again if the host has changed since the plan was made')
    .option('--together', 'change all VMs in one transaction: a failure undoes all of them')
    .option(
      '--canary <n>',
      'change this many VMs first, then prompt (with --yes: check that they are up)',
      count,
    )
    .option('--batch <n>', 'pause after each batch of this many VMs', count)
    .addOption(durationOption('--pause', 'how long to pause after the canaries and each batch', UP_TO_A_DAY))
    .action(async (patterns: string[], flags: Flags, given: Command) => {
      if (flags.together === true && (flags.canary ?? flags.batch ?? flags.pause) !== undefined) {
        throw new TunerError('TUNE_USAGE', '--together cannot be combined with --canary, --batch or --pause');
      }
      const experiment = experimentSettings(given, flags);
      if (experiment !== undefined) checkMeasure(flags);
      const restart = flags.restarts === undefined ? flags.restart : true;
      const signal = stopSignal();
      if (experiment !== undefined) await checkFigure(patterns, flags, experiment, signal);
      if (experiment !== undefined && flags.dryRun === true) {
        await planAndPreview(patterns, { ...flags, restart, experiment }, signal);
        return;
      }
      await offerRecovery(flags, signal);
      for (let plans = 1; ; plans++) {
        const changed = await planAndApply(patterns, { ...flags, restart, experiment }, signal);
        if (changed === undefined) return;
        const isFinal = flags.force !== true || plans === PLANS_MAX;
        if (isFinal || (await planFileIn(patterns, flags)) !== undefined) throw changed;
        log(`virtune: ${errorText(changed)}`);
        log('virtune: making a new plan');
      }
    });
  return addExperimentOptions(addRunOptions(addTuneOptions(addPlanOptions(command))));
}

/** @throws TunerError TUNE_USAGE for options that cannot be combined with an experiment. */
function checkMeasure(flags: Flags): void {
  if ((flags.together ?? flags.restart ?? flags.canary ?? flags.batch ?? flags.pause) === undefined) return;
  throw new TunerError(
    'TUNE_USAGE',
    '--measure cannot be combined with --restart, --together, --canary, --batch or --pause',
  );
}

interface ApplyFlags extends Flags {
  /** Absent without --measure. */
  readonly experiment: AnySettings | undefined;
}

interface Planned {
  readonly plan: Plan;
  readonly basis: PlanBasis;
  /** To reread the profiles. */
  readonly refs: Choice['picks'];
}

/** Returns the TUNE_CHANGED error if the host changed after the plan was made and nothing was touched yet. */
async function planAndApply(
  patterns: readonly string[],
  flags: ApplyFlags,
  signal: AbortSignal,
): Promise<TunerError | undefined> {
  const options = { ...runOptions(flags, signal), signal };
  // Before taking the lock: an invalid plan file should not block others from the host.
  const approved = await approvedIn(patterns, flags);
  try {
    if (flags.yes === true) {
      // Planned under the host lock: no other apply can take a place until it is released.
      const hostname = await readHostname(flags);
      await onHost({ uri: flags.connect, hostname }, options, async (held) => {
        const planned = await makePlan(patterns, approved, flags);
        if (isWanted(planned, flags)) await applyPlan(held, planned, flags, options);
      });
      return undefined;
    }
    const planned = await makePlan(patterns, approved, flags);
    if (!isWanted(planned, flags)) return undefined;
    if (!(await agreed(`Make these changes (${allSteps(planned.plan).length} steps)?`))) {
      log('virtune: nothing was changed');
      process.exitCode = ExitCode.notConfirmed;
      return undefined;
    }
    await checkProfiles(planned, flags);
    await onHost(planned.plan.host, options, (held) => applyPlan(held, planned, flags, options));
    return undefined;
  } catch (error) {
    if (error instanceof TunerError && error.code === 'TUNE_CHANGED') return error;
    throw error;
  }
}

/** Shows the plan and the smallest effect that an experiment could detect. */
async function planAndPreview(
  patterns: readonly string[],
  flags: ApplyFlags & { readonly experiment: AnySettings },
  signal: AbortSignal,
): Promise<void> {
  const approved = await approvedIn(patterns, flags);
  const planned = await makePlan(patterns, approved, flags);
  const [own] = planned.plan.domains;
  if (!isWanted(planned, flags) || own === undefined) return;
  await dryRun(own.state.domain, flags.experiment, flags, signal);
}

/** The plan from the file given in place of domains, if any. */
async function approvedIn(patterns: readonly string[], flags: Flags): Promise<ApprovedPlan | undefined> {
  const file = await planFileIn(patterns, flags);
  return file === undefined ? undefined : readPlanFile(file);
}

function makePlan(
  patterns: readonly string[],
  approved: ApprovedPlan | undefined,
  flags: Flags,
): Promise<Planned> {
  const [path = ''] = patterns;
  return withSession(flags, { readOnly: flags.dryRun === true }, async (session) => {
    const { basis } = session;
    if (approved !== undefined) return { plan: await remakePlan(path, approved, session), basis, refs: [] };
    const choice = await chooseDomains(session, patterns, flags);
    return { plan: await planChoice(session, choice, new Date()), basis, refs: choice.picks };
  });
}

/**
 * Shows the plan. @throws TunerError TUNE_PLACEMENT when there is no room, TUNE_MEASURE when an experiment has nothing
 * to switch.
 */
function isWanted({ plan }: Planned, flags: ApplyFlags): boolean {
  const { json } = flags;
  show(reportPlan(plan, { all: false, diff: false }), json === true);
  if (plan.placement.refusals.length > 0) throw refused(plan);
  if (allSteps(plan).length === 0) {
    printUnchanged('nothing to change', json === true);
    return false;
  }
  if (flags.experiment !== undefined) {
    checkSteps(allSteps(plan), flags.experiment);
    show(describeDesign(flags.experiment), json === true);
  }
  return true;
}

/** @throws TunerError TUNE_MEASURE when the plan contains nothing that the experiment switches. */
function checkSteps(steps: readonly Step[], experiment: AnySettings): void {
  if (isByRestarts(experiment)) {
    if (!steps.some(({ kind }) => kind === 'restart')) throw nothingToBoot();
  } else if (!steps.some(isSwitched)) throw nothingToSwitch();
}

/** @throws TunerError TUNE_CHANGED when a profile was edited while the user reviewed the plan. */
async function checkProfiles({ refs }: Planned, flags: Flags): Promise<void> {
  const library = await openLibrary(flags);
  for (const { profile, profileRef } of refs) {
    if ((await readProfile(library, profileRef)).version === profile.version) continue;
    throw new TunerError(
      'TUNE_CHANGED',
      `profile ${JSON.stringify(profileRef)} was changed since the plan was made; nothing was changed`,
    );
  }
}

async function applyPlan(
  held: HeldHost,
  { plan, basis }: Planned,
  flags: ApplyFlags,
  options: RunOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const json = flags.json === true;
  const transactions = transactionsOf(plan, {
    command: options.command,
    together: flags.together === true,
    basis,
  });
  if (flags.experiment !== undefined) {
    process.exitCode = await applyMeasured(held, transactions, flags.experiment, flags, options);
    return;
  }
  const result = await applyBatches(held, transactions, {
    ...options,
    canary: flags.canary ?? 0,
    batch: flags.batch ?? transactions.length,
    pauseMs: (flags.pause ?? 0) * 1_000,
    sleep: (ms) => sleep(ms, undefined, { signal: options.signal }).catch(() => undefined),
    ...(flags.yes !== true && {
      goOn: (done: number, left: number) =>
        agreed(`${done} applied and verified. Continue with the other ${left}?`),
    }),
    onOutcome: (outcome) => {
      if (transactions.length > 1) printOutcome(outcome, false);
    },
  });
  process.exitCode = printRun(plan.id, result, json);
}

function refused(plan: Plan): TunerError {
  return new TunerError(
    'TUNE_PLACEMENT',
    `nothing was changed:\n${reportPlacement(plan.placement).join('\n')}`,
  );
}
