import { RemoteError } from '../../libvirt/errors.ts';
import { TunerError } from '../errors.ts';
import { openStateFolder } from '../journal/folder.ts';
import { Journal } from '../journal/journal.ts';
import { findTransaction, type TransactionRecord } from '../journal/list.ts';
import { describeStep } from '../steps/describe.ts';
import { findRun } from '../steps/domain-run.ts';
import { liveSettingOf } from '../steps/live-settings/all.ts';
import type { Step } from '../steps/step.ts';
import { unlessStopped } from '../unless-stopped.ts';
import { refuseIfOpen } from './apply.ts';
import { whyEndedOnHost } from './ended-on-host.ts';
import type { Work } from './execute.ts';
import type { HostLink } from './host-link.ts';
import { type HeldHost, journalOptions, linked, onHost, type RunOptions } from './host-session.ts';
import { readHostState } from './host-state.ts';
import { leftForBoot, lookAhead } from './look-ahead.ts';
import { boundToNextBoot } from './next-boot.ts';
import { reason } from './obstacle.ts';
import { type Outlook, outlookOf } from './outlook.ts';
import { checkPagesForBoots, type PoolShrink } from './pages-after.ts';
import type { TransactionOutcome } from './transaction.ts';
import { startUndo, type UndoOptions, undoSteps } from './undo.ts';

export interface RollbackOptions extends RunOptions {
  /** Restarts running domains on their restored definition. */
  readonly restarts: boolean;
  /** Proceeds even where others have changed or claimed something since: the resulting state is not checked. */
  readonly force: boolean;
}

/**
 * Rolls back a committed transaction: settings of running domains and of the host at once, definitions exactly, and
 * boot-time settings at the next boot, or now with `restarts`.
 *
 * @throws TunerError TUNE_CHANGED, with nothing touched, when something is no longer as the transaction left it.
 */
export async function rollbackTransaction(
  which: string,
  options: RollbackOptions,
): Promise<TransactionOutcome> {
  const { stateDir, signal } = options;
  const { id, header } = await unlessStopped(signal, async () =>
    findTransaction(await openStateFolder(stateDir), which),
  );
  return onHost(header, options, (held) => rollbackLocked(held, id, options));
}

/** As `rollbackTransaction`, for a caller that holds the host's lock. */
export async function rollbackLocked(
  { folder, lease }: HeldHost,
  id: string,
  options: RollbackOptions,
): Promise<TransactionOutcome> {
  const record = await findTransaction(folder, id);
  const { header, progress } = record;
  await refuseIfOpen(folder, header.hostname);
  if (progress.status !== 'committed') {
    throw new TunerError(
      'TUNE_USAGE',
      `transaction ${id} is ${progress.status} already; there is nothing to roll back`,
    );
  }
  return linked(
    header,
    options,
    async (link) => {
      const restarts = options.restarts ? await restartsOf(link, record) : [];
      const outlook = options.force ? undefined : await checkedOutlook(link, record, restarts);
      const steps = [...header.steps, ...restarts];
      const journal = await Journal.resume(
        folder,
        id,
        journalOptions(options, (index) => steps[index]),
      );
      try {
        const { command } = options;
        await journal.append({ event: 'rollback', pid: process.pid, command, restarts });
        const leave = outlook && leftForBoot(outlook);
        return await runRollback({ journal, link }, { force: options.force, leave });
      } finally {
        await journal.close();
      }
    },
    lease,
  );
}

/**
 * Runs a rollback from its beginning, or from where it was interrupted. `leave`: steps that were found to wait for a
 * boot before it began.
 */
export async function runRollback(
  work: Work,
  options: Pick<UndoOptions, 'force' | 'cutOff' | 'leave'>,
): Promise<TransactionOutcome> {
  const { journal } = work;
  await startUndo(work);
  const { leave = options.leave, blocked } = await lookAhead(work, options);
  const { remains, notes } = await undoSteps(work, {
    ...options,
    blocked,
    // A rollback restarts only what was requested.
    leave: (step) => step.kind === 'restart' || (leave?.(step) ?? false),
  });
  const waiting = await boundToNextBoot(work);
  const kind = remains.length === 0 ? 'rolled back' : 'incomplete';
  return { id: journal.header.id, kind, failure: undefined, remains, notes: [...notes, ...waiting] };
}

/**
 * What the rollback leads to.
 * @throws TunerError TUNE_CHANGED when that is unsafe, naming the VM in the way, or when something is no longer as the
 * transaction left it.
 */
async function checkedOutlook(
  link: HostLink,
  record: TransactionRecord,
  restarts: readonly Step[],
): Promise<Outlook> {
  const { id, header, progress } = record;
  const shrinks = await checkLeftAlone(link, record);
  const ground = await readHostState(link, header.uri);
  const added = restarts.map((step) => ({ step, progress: { kind: 'untouched' } as const }));
  const outlook = outlookOf(ground, { header, steps: [...progress.steps, ...added], undoesRestarts: false });
  if (outlook.broken.length > 0) {
    throw new TunerError(
      'TUNE_CHANGED',
      `transaction ${id} cannot be rolled back now, and nothing was changed: ${reason(header, ground.domains, outlook.broken)}`,
    );
  }
  const redefined = progress.steps.flatMap(({ step, progress: made }) =>
    step.kind === 'definition' && made.kind === 'done' ? [step.domain.uuid] : [],
  );
  checkPagesForBoots(ground, {
    id,
    restarts: restarts.length > 0,
    after: outlook.after,
    redefined: new Set(redefined),
    shrinks,
  });
  return outlook;
}

/**
 * Page pools that the rollback shrinks.
 * @throws TunerError TUNE_CHANGED naming all that is no longer as the transaction left it.
 */
async function checkLeftAlone(
  link: HostLink,
  { id, header, progress }: TransactionRecord,
): Promise<PoolShrink[]> {
  const changes: string[] = [];
  const shrinks: PoolShrink[] = [];
  // If several steps set one live setting, the last has the value that was left, the first the value before.
  const done = progress.steps.flatMap(({ step, progress: made }) =>
    made.kind === 'done' ? [[liveSettingKey(step), { step, made }] as const] : [],
  );
  const last = new Map(done);
  const first = new Map(done.toReversed());
  for (const [key, { step, made }] of last) {
    // What has ended by itself was not changed by others, and the undo reports it.
    if (step.kind === 'restart' || whyEndedOnHost(link, step, header.bootId) !== undefined) continue;
    const liveSetting = liveSettingOf(step);
    if ('domain' in step) {
      const run = await findRun(link, step.domain);
      if (run.kind === 'gone') continue;
      if (liveSetting.home === 'run' && (run.kind === 'off' || run.id !== made.run)) continue;
    }
    const was = first.get(key)?.made.was;
    if (step.kind === 'hostPages' && typeof was === 'number') shrinks.push({ step, to: was });
    const difference = await differsFrom(link, step, made.now);
    // What others have already restored is not an obstacle.
    if (difference === undefined || (await differsFrom(link, step, was)) === undefined) continue;
    changes.push(`${describeStep(step)}: ${difference}`);
  }
  if (changes.length === 0) return shrinks;
  throw new TunerError(
    'TUNE_CHANGED',
    `since transaction ${id} something else has changed its settings: ${changes.join('; ')}; roll back the later transaction first, or use --force to roll back this one anyway`,
  );
}

/** A step covers only the parameters that it names, but all limits of a disk. */
function liveSettingKey({ to, ...liveSetting }: Step): string {
  const fields = Array.isArray(to) && liveSetting.kind !== 'blockIoTune' ? to.map(({ field }) => field) : [];
  return JSON.stringify([liveSetting, fields]);
}

/** What can no longer be read (a removed iothread) counts as changed too. */
async function differsFrom(link: HostLink, step: Step, left: unknown): Promise<string | undefined> {
  const liveSetting = liveSettingOf(step);
  try {
    return liveSetting.differs(await liveSetting.get(link, step), left);
  } catch (error) {
    if (error instanceof TunerError || error instanceof RemoteError) return error.message;
    throw error;
  }
}

/** One restart for each running domain whose definition is restored. */
async function restartsOf(link: HostLink, { progress }: TransactionRecord): Promise<Step[]> {
  const restarts: Step[] = [];
  for (const { step, progress: made } of progress.steps) {
    if (step.kind !== 'definition' || made.kind !== 'done') continue;
    const run = await findRun(link, step.domain);
    if (run.kind === 'runs') restarts.push({ kind: 'restart', domain: step.domain, to: 'restarted' });
  }
  return restarts;
}
