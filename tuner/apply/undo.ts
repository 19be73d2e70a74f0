import { TunerError } from '../errors.ts';
import type { StepProgress } from '../journal/progress.ts';
import type { NewEvent } from '../journal/records.ts';
import { findRun, quoted } from '../steps/domain-run.ts';
import type { LiveSetting } from '../steps/live-setting.ts';
import { liveSettingOf } from '../steps/live-settings/all.ts';
import type { Step } from '../steps/step.ts';
import { whyEndedOnHost } from './ended-on-host.ts';
import { at, executeStep, type Work } from './execute.ts';
import type { HostLink } from './host-link.ts';
import { checkLiveSetting, LaterChanges } from './later-changes.ts';
import { undoOrder } from './order.ts';
import type { Remainder } from './transaction.ts';

export interface UndoOptions {
  /**
   * Proceeds even where others have changed or claimed something since: overwrites it, does not check what they depend
   * on, and needs no list of the host's domains.
   */
  readonly force: boolean;
  /** The run was interrupted a while ago: what others have set since stays, unless `force` is set. */
  readonly cutOff?: boolean | undefined;
  /** Steps that stay as they are; a string is the reason, for the journal. */
  readonly leave?: ((step: Step) => boolean | string) | undefined;
  /** Why a step cannot be undone now, and is left for a later recover; undefined if it can. */
  readonly blocked?: ((step: Step) => string | undefined) | undefined;
}

export interface UndoResult {
  readonly remains: readonly Remainder[];
  /** Why steps needed no undo, and errors of the journal. */
  readonly notes: readonly string[];
}

type Begun = Extract<StepProgress, { kind: 'doing' | 'done' | 'undoing' }>;

/** From here on nothing stops the run, and the undo's journal has room on disk. */
export async function startUndo({ journal, link }: Work): Promise<void> {
  await link.startUndo();
  await journal.releaseReserve();
}

/**
 * Undoes every step that was begun, and reports those that it could not undo. Nothing ends it early: the more is
 * restored, the better, and a failing disk of the journal must not leave a domain half changed.
 */
export async function undoSteps(work: Work, options: UndoOptions): Promise<UndoResult> {
  const { journal } = work;
  const notes = new Set<string>();
  const remains: Remainder[] = [];
  const record = async (event: NewEvent): Promise<void> => {
    await journal.append(event).catch((error: Error) => notes.add(error.message));
  };
  const { others, blocked = options.blocked } =
    options.cutOff === true && !options.force ? await othersSince(work, options) : {};
  const all = journal.progress.steps.map(({ step }) => step);
  const own = journal.header.steps.length;
  const queue = [...undoOrder(all.slice(0, own), all.slice(own))];
  const startedLater = new Set<number>();
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { index, how } = next;
    const { step, progress } = at(journal, index);
    try {
      if (how === 'execute') {
        // A restart added by a rollback must not boot a domain that is blocked.
        throwIfBlocked(step, blocked);
        others?.checkDomain(step);
        await executeStep(work, index);
      } else if (isBegun(progress)) {
        const left = options.leave?.(step) ?? false;
        if (left !== false) {
          await record({ event: 'undone', step: index, note: left === true ? undefined : left });
          continue;
        }
        throwIfBlocked(step, blocked);
        const { force } = options;
        const note = await work.link.retryRefused(() =>
          undo(work, { index, step, progress, record, force, others }),
        );
        if (note !== undefined) notes.add(note);
        await record({ event: 'undone', step: index, note });
      }
    } catch (error) {
      if (step.kind === 'restart' && !startedLater.has(index)) {
        // Retry it later: what it lacks, such as pages, may be freed when another domain restarts.
        startedLater.add(index);
        queue.splice(queue.findLastIndex((each) => 'domain' in at(journal, each.index).step) + 1, 0, next);
        continue;
      }
      const { code, message } = error as { code?: unknown; message: string };
      remains.push({ step, message });
      await record({
        event: 'remains',
        step: index,
        code: typeof code === 'string' ? code : 'TUNE_STEP',
        message,
      });
    }
  }
  if (remains.length === 0) await record({ event: 'rolledBack' });
  if (remains.length === 0 && journal.progress.status === 'open') {
    notes.add(
      'everything was undone, but its journal could not be closed; run virtune tune recover to close it',
    );
  }
  return { remains, notes: [...notes] };
}

/**
 * Undoes one step of a transaction that stays open and goes forward; `executeStep` executes it again. Every event has
 * to reach the journal.
 *
 * @returns why there was nothing to undo, such as a domain that has stopped.
 */
export async function undoStep(work: Work, index: number): Promise<string | undefined> {
  const { journal, link } = work;
  const { step, progress } = at(journal, index);
  if (!isBegun(progress)) return undefined;
  link.throwIfStopped();
  await link.checkLease();
  const record = (event: NewEvent): Promise<void> => journal.append(event);
  const note = await undo(work, { index, step, progress, record, force: false, others: undefined });
  await record({ event: 'undone', step: index, note });
  return note;
}

function throwIfBlocked(step: Step, blocked: UndoOptions['blocked']): void {
  const why = blocked?.(step);
  if (why !== undefined) throw new TunerError('TUNE_CHANGED', why);
}

/**
 * What others have changed since. While it cannot be read, every step is blocked: a libvirt that does not list its
 * domains may still change a pool or a domain, and whether others depend on it cannot be checked.
 */
async function othersSince(
  { journal, link }: Work,
  { blocked }: UndoOptions,
): Promise<{ readonly others?: LaterChanges; readonly blocked?: UndoOptions['blocked'] }> {
  try {
    return { others: await link.retryRefused(() => LaterChanges.since(link, journal.header)) };
  } catch (error) {
    const why = notJudged(error as Error);
    return { blocked: (step) => blocked?.(step) ?? why };
  }
}

/** Why nothing is undone while the domains of the host cannot be read. */
export function notJudged({ message }: Error): string {
  return `the other domains of the host cannot be read, so virtune cannot determine whether the undo is safe: ${message}; run virtune tune recover again once they can be, or use --force to proceed anyway`;
}

function isBegun(progress: StepProgress): progress is Begun {
  return progress.kind === 'doing' || progress.kind === 'done' || progress.kind === 'undoing';
}

interface Undoing {
  readonly index: number;
  readonly step: Step;
  readonly progress: Begun;
  readonly force: boolean;
  /** Undefined if no other run can have interfered, or if its changes should be ignored. */
  readonly others: LaterChanges | undefined;
  readonly record: (event: NewEvent) => Promise<void>;
}

/** Returns why there was nothing to undo, if so. */
async function undo({ journal, link }: Work, undoing: Undoing): Promise<string | undefined> {
  const { index, step, progress, record } = undoing;
  const liveSetting = liveSettingOf(step);
  const before = progress.kind === 'undoing' ? progress.before : progress;
  const ended = await hasEnded(link, step, liveSetting, journal.header.bootId);
  if (ended !== undefined) return ended;
  undoing.others?.checkDomain(step);
  let now: unknown;
  try {
    now = await liveSetting.get(link, step);
  } catch (error) {
    // What it was set on (an iothread) may have belonged to a run that has ended since.
    const restarted = await startedAgain(link, step, liveSetting, before.run);
    if (restarted === undefined) throw error;
    return restarted;
  }
  if (step.kind === 'definition' && !undoing.force) checkOurs(liveSetting, step, before, now);
  if (mayBeOthers(undoing)) {
    try {
      checkLiveSetting(step, liveSetting, progress, now, undoing.others === undefined ? RECOVER : undefined);
    } catch (error) {
      const restarted = await startedAgain(link, step, liveSetting, before.run);
      if (restarted === undefined) throw error;
      return restarted;
    }
  }
  const to =
    progress.kind === 'undoing' ? progress.to : liveSetting.back(before.was, now, before.kind === 'done');
  if (step.kind === 'hostPages' && typeof to === 'number') await undoing.others?.checkPool(step, to);
  await record({ event: 'undoing', step: index, to });
  // libvirt may still be processing a call whose end was not seen: then the current value is not reliable.
  const certain = progress.kind === 'done';
  if (certain && liveSetting.differs(now, to) === undefined) return undefined;
  try {
    await liveSetting.set(link, step, to);
    throwIfUnlike(liveSetting, await liveSetting.get(link, step), to);
    return undefined;
  } catch (error) {
    return whyItEnded(link, step, liveSetting, { to, run: before.run, error });
  }
}

const RECOVER = 'then run virtune tune recover --force to overwrite it';

/**
 * Whether a live setting may hold another user's value, which is not overwritten. Also within one run, which pauses and
 * measures for hours; there only values seen to be set are compared, and not the balloon, which its guest resizes.
 */
function mayBeOthers({ step: { kind }, progress, force, others }: Undoing): boolean {
  if (force || kind === 'definition' || kind === 'restart') return false;
  return others !== undefined || (progress.kind === 'done' && kind !== 'balloonSize');
}

function throwIfUnlike(liveSetting: LiveSetting, now: unknown, to: unknown): void {
  const difference = liveSetting.differs(now, to);
  if (difference === undefined) return;
  throw new TunerError('TUNE_READ_BACK', `restoring it was accepted but had no effect: ${difference}`);
}

/** Why a step has nothing left to undo. */
async function hasEnded(
  link: HostLink,
  step: Step,
  { home }: LiveSetting,
  bootId: string | undefined,
): Promise<string | undefined> {
  if (!('domain' in step)) return whyEndedOnHost(link, step, bootId);
  const name = quoted(step.domain);
  const run = await findRun(link, step.domain);
  if (run.kind === 'gone')
    return `domain ${name} is no longer on this host (undefined, or migrated with its settings): there is nothing to undo here`;
  if (home === 'run' && run.kind === 'off') {
    return `domain ${name} is no longer running, which undid its live settings`;
  }
  if (home === 'definition' && run.kind === 'runs' && !run.persistent) {
    return `domain ${name} no longer has a definition`;
  }
  return undefined;
}

/** After a failed undo: whether the domain ended in between, was restarted by others, or is restored after all. */
async function whyItEnded(
  link: HostLink,
  step: Step,
  liveSetting: LiveSetting,
  { to, run: earlier, error }: { to: unknown; run: number | undefined; error: unknown },
): Promise<string | undefined> {
  if (link.isAway) throw error;
  const ended = await hasEnded(link, step, liveSetting, undefined);
  if (ended !== undefined) return ended;
  const now = await liveSetting.get(link, step).catch(() => undefined);
  if (now !== undefined && liveSetting.differs(now, to) === undefined) return undefined;
  const restarted = await startedAgain(link, step, liveSetting, earlier);
  if (restarted !== undefined) return restarted;
  throw error;
}

/** Why nothing is left of what was set in an earlier run of the domain; undefined if it is the same run. */
async function startedAgain(
  link: HostLink,
  step: Step,
  { home }: LiveSetting,
  earlier: number | undefined,
): Promise<string | undefined> {
  if (link.isAway || home !== 'run' || !('domain' in step) || earlier === undefined) return undefined;
  const run = await findRun(link, step.domain);
  return run.kind === 'runs' && run.id !== earlier
    ? `domain ${quoted(step.domain)} was restarted since, which undid its live settings`
    : undefined;
}

/** @throws TunerError TUNE_CHANGED when the definition is neither the old one nor the one that replaced it. */
function checkOurs(
  liveSetting: LiveSetting,
  step: Step,
  before: Extract<Begun, { kind: 'doing' | 'done' }>,
  now: unknown,
): void {
  const seen = before.kind === 'done' ? before.now : before.seen;
  const ours = seen ?? liveSetting.target(step, before.was);
  if (liveSetting.differs(now, before.was) === undefined) return;
  const difference = liveSetting.differs(now, ours);
  if (difference === undefined) return;
  throw new TunerError(
    'TUNE_CHANGED',
    `something else has changed it since: ${difference}; review the change, then use --force to restore the old definition anyway`,
  );
}
