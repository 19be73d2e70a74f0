import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TunerError } from '../errors.ts';
import { namesIn, type StateFolder } from './folder.ts';
import { journalPath, reservePath } from './journal.ts';
import { type Progress, progressOf } from './progress.ts';
import { readJournal } from './read.ts';
import type { JournalEvent, JournalHeader } from './records.ts';

/** Closed transactions to keep per host; older ones are deleted. One that can be rolled back is not among them. */
const KEEP = {
  /** Undone or rolled back: nothing of them is left on the host. */
  ended: 200,
  /** Restores by `watch`, which would push out all others. */
  restore: 200,
  /** Committed, but a later one has changed each of their domains and would have to be rolled back first. */
  superseded: 1_000,
} as const;

export interface TransactionRecord {
  readonly id: string;
  readonly header: JournalHeader;
  readonly events: readonly JournalEvent[];
  readonly progress: Progress;
}

export interface TransactionList {
  /** Newest first. */
  readonly records: readonly TransactionRecord[];
  /** Journals that cannot be read, and why. */
  readonly damaged: readonly { readonly id: string; readonly error: TunerError }[];
}

export async function listTransactions(folder: StateFolder): Promise<TransactionList> {
  const records: TransactionRecord[] = [];
  const damaged: { id: string; error: TunerError }[] = [];
  for (const id of await idsIn(folder)) {
    try {
      const { header, events } = await readJournal(join(folder.transactions, `${id}.jsonl`));
      records.push({ id, header, events, progress: progressOf(header, events) });
    } catch (error) {
      if (!(error instanceof TunerError)) throw error;
      damaged.push({ id, error });
    }
  }
  return { records: records.sort(newestFirst), damaged };
}

/**
 * By start time: an id has the second in which its plan was made, and another transaction may have started since, or in
 * the same second.
 */
function newestFirst(one: TransactionRecord, other: TransactionRecord): number {
  return Date.parse(other.header.at) - Date.parse(one.header.at) || (one.id < other.id ? 1 : -1);
}

async function idsIn(folder: StateFolder): Promise<string[]> {
  const names = await namesIn(folder.transactions);
  return names
    .flatMap((name) => (name.endsWith('.jsonl') ? [name.slice(0, -'.jsonl'.length)] : []))
    .sort()
    .reverse();
}

/** Transactions of a host that were interrupted, or could not be undone completely. */
export async function openTransactions(folder: StateFolder, hostname: string): Promise<TransactionRecord[]> {
  return (await allOpen(folder)).filter(({ header }) => header.hostname === hostname);
}

/** @throws TunerError TUNE_JOURNAL when a journal cannot be read: it may be open. */
async function allOpen(folder: StateFolder): Promise<TransactionRecord[]> {
  const { records, damaged } = await listTransactions(folder);
  const [unreadable] = damaged;
  if (unreadable !== undefined) throw unreadable.error;
  return records.filter(({ progress }) => progress.status === 'open');
}

/**
 * A transaction by its id, by a unique part of it, or the last one (`last`) that is not a restore.
 * @throws TunerError TUNE_USAGE when none or several match; TUNE_JOURNAL when its journal cannot be read.
 */
export async function findTransaction(folder: StateFolder, which: string): Promise<TransactionRecord> {
  const { records, damaged } = await listTransactions(folder);
  const found =
    which === 'last'
      ? records.filter(isRequested).slice(0, 1)
      : records.filter(({ id }) => id.includes(which));
  const exact = found.find(({ id }) => id === which) ?? (found.length === 1 ? found[0] : undefined);
  if (exact !== undefined) return exact;
  const broken = damaged.find(({ id }) => id.includes(which));
  if (broken !== undefined) throw broken.error;
  throw new TunerError(
    'TUNE_USAGE',
    found.length === 0
      ? which === 'last'
        ? `no transactions in ${folder.path} yet; virtune tune apply creates one`
        : `there is no transaction ${JSON.stringify(which)} in ${folder.path}; virtune tune history lists all transactions`
      : `${found.length} transactions have ${JSON.stringify(which)} in their ID: ${found.map(({ id }) => id).join(', ')}; use a longer part of the ID`,
  );
}

/**
 * Hosts with something to recover; with `uri`, only what was started through it.
 * @throws TunerError TUNE_JOURNAL when a journal cannot be read: it may be open.
 */
export async function openHosts(folder: StateFolder, uri?: string): Promise<string[]> {
  const open = (await allOpen(folder)).filter(({ header }) => uri === undefined || header.uri === uri);
  return [...new Set(open.map(({ header }) => header.hostname))];
}

/**
 * What `rollback` undoes by default: the newest committed transaction on a host. Not a restore: undoing one would leave
 * the change in place that it belongs to.
 * @throws TunerError TUNE_INTERRUPTED when one is open, running or interrupted; TUNE_USAGE when there is none.
 */
export async function lastCommitted(folder: StateFolder, uri: string): Promise<TransactionRecord> {
  const { records } = await listTransactions(folder);
  const found = records.find(
    (record) => record.header.uri === uri && record.progress.status === 'committed' && isRequested(record),
  );
  if (found !== undefined) return found;
  const open = records.find(({ header, progress }) => header.uri === uri && progress.status === 'open');
  if (open !== undefined) {
    throw new TunerError(
      'TUNE_INTERRUPTED',
      `transaction ${open.id} on ${uri} is still open: wait if it is running (virtune tune history shows when it ends), else undo it with virtune tune recover`,
    );
  }
  throw new TunerError(
    'TUNE_USAGE',
    `${folder.path} has no transaction on ${uri} that can be rolled back; virtune tune history lists all transactions`,
  );
}

/** Whether it is a requested change, and not a restore by `watch`. */
export const isRequested = ({ header }: Pick<TransactionRecord, 'header'>): boolean =>
  header.kind !== 'restore';

/**
 * Deletes the oldest transactions that are no longer needed, and the reserves of closed ones. Open ones and the last
 * change of each domain stay, however old.
 */
export async function pruneTransactions(folder: StateFolder): Promise<void> {
  const { records } = await listTransactions(folder);
  const closed = records.filter(({ progress }) => progress.status !== 'open');
  const pruned = prunable(closed);
  for (const { id } of closed) {
    const path = journalPath(folder, id);
    await rm(reservePath(path), { force: true });
    if (pruned.has(id)) await rm(path, { force: true });
  }
}

/** Pure. @param closed newest first */
function prunable(closed: readonly TransactionRecord[]): ReadonlySet<string> {
  const pruned = new Set<string>();
  const counts = new Map<string, number>();
  const changedLater = new Set<string>();
  for (const record of closed) {
    const { hostname, domains } = record.header;
    const keys = domains.map(({ domain }) => JSON.stringify([hostname, domain.uuid]));
    const why = whyUnneeded(record, keys.length > 0 && keys.every((key) => changedLater.has(key)));
    if (why === undefined || why === 'superseded') for (const key of keys) changedLater.add(key);
    if (why === undefined) continue;
    const group = JSON.stringify([hostname, why]);
    const count = (counts.get(group) ?? 0) + 1;
    counts.set(group, count);
    if (count > KEEP[why]) pruned.add(record.id);
  }
  return pruned;
}

function whyUnneeded(record: TransactionRecord, isSuperseded: boolean): keyof typeof KEEP | undefined {
  if (!isRequested(record)) return 'restore';
  if (record.progress.status !== 'committed') return 'ended';
  return isSuperseded ? 'superseded' : undefined;
}
