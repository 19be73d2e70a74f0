import { dirname, resolve } from 'node:path';

/** Far longer than a healthy file system takes, and shorter than a service manager waits for a start or a reload. */
export const FILE_DEADLINE_MS = 10_000;

/**
 * How many folders may have a request in flight. A request to a hung file system occupies a libuv thread until it is
 * answered and cannot be canceled: with one per file and host, such a mount would take the whole pool, and name
 * lookups, compression and queues would wait for it, too.
 */
const FOLDERS_MAX = 4;

/** A file system did not answer in time. Code ETIMEDOUT, worded like the system's errors. */
export interface FileTimeout extends NodeJS.ErrnoException {
  /** Folders whose hung file systems kept this request queued; empty if it was sent. */
  readonly blockedBy: readonly string[];
}

/** Asks the file system. `takeTime` lifts the deadline: from here on the writer of a pipe is waited for. */
type Ask<T> = (takeTime: () => void) => Promise<T>;

/** A request, queued or in flight. */
interface Turn {
  readonly begin: () => void;
  readonly answer: Promise<unknown>;
  hasTime: boolean;
  /** How many callers wait for the answer. */
  waiters: number;
}

/** Folders with a request in flight. */
const asked = new Set<string>();
/** Queued requests by folder, and within it by question, in order of arrival. */
const waiting = new Map<string, Map<string, Turn>>();

/**
 * Runs a file-system request with a deadline. Requests to one folder are serialized, so that a hung file system (NFS
 * without its server) costs one thread. Identical requests that are still queued are merged: a thousand hosts that
 * reconnect read a certificate once.
 *
 * @param what the system call that is waited for, such as `read`; the same for the same question
 * @throws FileTimeout after `withinMs`; what `ask` rejects with
 */
export async function inFileTurn<T>(
  path: string,
  what: string,
  ask: Ask<T>,
  withinMs: number = FILE_DEADLINE_MS,
): Promise<T> {
  const folder = dirname(resolve(path));
  const question = `${what} ${path}`;
  const turn = waiting.get(folder)?.get(question) ?? addTurn(folder, question, ask);
  turn.waiters++;
  beginNext();
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    if (!turn.hasTime) over.reject(timeoutOf(path, what, withinMs));
  }, withinMs);
  try {
    return await Promise.race([turn.answer as Promise<T>, over.promise]);
  } finally {
    clearTimeout(timer);
    turn.waiters--;
    if (turn.waiters === 0) forget(folder, question, turn);
  }
}

function addTurn(folder: string, question: string, ask: Ask<unknown>): Turn {
  const { promise, resolve: settle, reject } = Promise.withResolvers<unknown>();
  // Avoids an unhandled rejection once all waiters have given up.
  promise.catch(() => undefined);
  const begin = (): void => {
    asked.add(folder);
    const release = (): void => {
      asked.delete(folder);
      beginNext();
    };
    const takeTime = (): void => {
      turn.hasTime = true;
    };
    ask(takeTime).finally(release).then(settle, reject);
  };
  const turn: Turn = { begin, answer: promise, hasTime: false, waiters: 0 };
  const ofFolder = waiting.get(folder) ?? new Map<string, Turn>();
  ofFolder.set(question, turn);
  waiting.set(folder, ofFolder);
  return turn;
}

/** Sends the first queued request of each idle folder. */
function beginNext(): void {
  for (const [folder, turns] of waiting) {
    if (asked.size >= FOLDERS_MAX) return;
    const [first] = asked.has(folder) ? [] : turns;
    if (first === undefined) continue;
    forget(folder, ...first);
    // Moved to the end: the other folders come next.
    if (waiting.delete(folder)) waiting.set(folder, turns);
    first[1].begin();
  }
}

/** Dequeues a request that is now sent, or that no caller waits for. */
function forget(folder: string, question: string, turn: Turn): void {
  const turns = waiting.get(folder);
  if (turns?.get(question) !== turn) return;
  turns.delete(question);
  if (turns.size === 0) waiting.delete(folder);
}

function timeoutOf(path: string, syscall: string, withinMs: number): FileTimeout {
  const seconds = withinMs / 1_000;
  const blockedBy = asked.has(dirname(resolve(path))) ? [] : [...asked];
  const error = new Error(
    blockedBy.length === 0
      ? `ETIMEDOUT: its file system did not answer within ${seconds} s, ${syscall} '${path}'`
      : `ETIMEDOUT: still queued after ${seconds} s because other file systems do not answer (${blockedBy.join(', ')}), ${syscall} '${path}'`,
  );
  return Object.assign(error, { code: 'ETIMEDOUT', syscall, path, blockedBy });
}
