import { TunerError } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { StepProgress } from '../journal/progress.ts';
import { describeStep } from '../steps/describe.ts';
import type { LiveSetting } from '../steps/live-setting.ts';
import { liveSettingOf } from '../steps/live-settings/all.ts';
import { definitionXml } from '../steps/live-settings/definition.ts';
import type { Step } from '../steps/step.ts';
import type { HostLink } from './host-link.ts';
import { checkDefinition } from './preconditions.ts';

/** A transaction in progress. */
export interface Work {
  readonly journal: Journal;
  readonly link: HostLink;
}

/** Why the whole transaction has to be undone. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** Absent when it was not a step that failed. */
  readonly step?: number | undefined;
  /** The value that was read back, instead of the one that was set. */
  readonly seen?: unknown;
  /** What was measured before the failure, for the journal. */
  readonly measured?: unknown;
}

/** A live setting does not hold the value that it was just set to. */
class ReadBackError extends TunerError {
  readonly seen: unknown;
  constructor(message: string, seen: unknown) {
    super('TUNE_READ_BACK', message);
    this.seen = seen;
  }
}

/**
 * Executes all steps that are left, then commits. Returns what failed, or undefined. `beforeCommit` rejects when
 * everything must be undone after all; `measured` is journalled with the commit.
 */
export async function executeSteps(
  work: Work,
  beforeCommit: () => Promise<void> = async () => undefined,
  measured?: unknown,
): Promise<Failure | undefined> {
  for (const index of work.journal.header.steps.keys()) {
    try {
      await executeStep(work, index);
    } catch (error) {
      return failureOf(error, work.journal.header.steps[index], index);
    }
  }
  try {
    await beforeCommit();
    await work.journal.append({ event: 'committed', measured });
    return undefined;
  } catch (error) {
    return failureOf(error);
  }
}

/** Journal, set, read back, verify on the host itself, journal. An interrupted step is set again. */
export async function executeStep({ journal, link }: Work, index: number): Promise<void> {
  const { step, progress } = at(journal, index);
  if (progress.kind === 'same' || progress.kind === 'done') return;
  const liveSetting = liveSettingOf(step);
  let was: unknown;
  if (progress.kind === 'doing') ({ was } = progress);
  else {
    link.throwIfStopped();
    was = await liveSetting.get(link, step);
    if (liveSetting.differs(was, liveSetting.target(step, was)) === undefined) {
      return journal.append({ event: 'same', step: index });
    }
    if (step.kind === 'definition') checkPlanned(journal, step, was);
    await link.checkLease();
    const run = liveSetting.home === 'run' ? await runOf(link, step) : undefined;
    await journal.append({ event: 'doing', step: index, was, run });
  }
  await complete({ journal, link }, index, liveSetting.target(step, was));
}

/**
 * Restarts a domain once more. If its restart was done before, the journal keeps the state found at that time: after
 * `kill -9`, an undo then still restarts a domain that runs with other settings.
 */
export async function restartAgain({ journal, link }: Work, index: number): Promise<void> {
  const { step, progress } = at(journal, index);
  const liveSetting = liveSettingOf(step);
  link.throwIfStopped();
  const now = await liveSetting.get(link, step);
  await link.checkLease();
  const was = progress.kind === 'done' ? progress.was : now;
  await journal.append({ event: 'doing', step: index, was });
  await complete({ journal, link }, index, liveSetting.target(step, now));
}

async function complete({ journal, link }: Work, index: number, wanted: unknown): Promise<void> {
  const { step } = at(journal, index);
  const liveSetting = liveSettingOf(step);
  await liveSetting.set(link, step, wanted);
  const now = await readBack(link, step, liveSetting, wanted);
  const proof = await liveSetting.verify(link, step, wanted);
  await journal.append({ event: 'done', step: index, now, proof: [...proof] });
}

export function at(journal: Journal, index: number): { step: Step; progress: StepProgress } {
  const found = journal.progress.steps[index];
  if (found === undefined) throw new RangeError(`the transaction has no step ${index}`);
  return found;
}

async function readBack(
  link: HostLink,
  step: Step,
  liveSetting: LiveSetting,
  wanted: unknown,
): Promise<unknown> {
  const now = await liveSetting.get(link, step);
  const difference = liveSetting.differs(now, wanted);
  if (difference === undefined) return now;
  throw new ReadBackError(`it was accepted but had no effect: ${difference}`, now);
}

/** The definition to be replaced must be the one that the new one was made from. */
function checkPlanned({ header }: Journal, step: Extract<Step, { kind: 'definition' }>, was: unknown): void {
  const planned = header.domains.find(({ domain }) => domain.uuid === step.domain.uuid);
  if (planned !== undefined) checkDefinition(planned, definitionXml(was));
}

async function runOf(link: HostLink, step: Step): Promise<number | undefined> {
  if (!('domain' in step)) return undefined;
  const { domain } = await link.call('domainLookupByUuid', { uuid: step.domain.uuid });
  return domain.id;
}

/** The failure to record for a thrown error. */
export function failureOf(error: unknown, step?: Step, index?: number): Failure {
  const { code, message, seen } = error as { code?: unknown; message: string; seen?: unknown };
  return {
    code: typeof code === 'string' ? code : 'TUNE_STEP',
    message: step === undefined ? message : `${describeStep(step)}: ${message}`,
    step: index,
    seen,
  };
}
