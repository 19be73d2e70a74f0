import { dirname, resolve } from 'node:path';

/** Far more than a file system that works takes, and less than a service manager waits for a start or a reload. */
export const FILE_DEADLINE_MS = 10_000;

/**
 * How many folders are asked at once. What a file system that hangs was asked holds a thread of libuv until it answers, and
 * nothing can call that off: with each file of each host such a mount would take them all, and names, compression and queues
 * would wait for it, too.
 */
const FOLDERS_MAX = 4;

/** A file system that has not answered in time, worded as the system words its errors. Its code is ETIMEDOUT. */
export interface FileTimeout extends NodeJS.ErrnoException {
  /** Folders whose file systems do not answer and hold up this one, which was not asked; empty where it was. */
  readonly behind: readonly string[];
}

/** Asks the file system. `takeTime`: from here on it is not the file system that is waited for, but who writes to a pipe. */
type Ask<T> = (takeTime: () => void) => Promise<T>;

/** A question, whether or not it has been asked yet. */
interface Turn {
  readonly begin: () => void;
  readonly answer: Promise<unknown>;
  hasTime: boolean;
  /** How many wait for the answer. */
  waiters: number;
}

/** Folders that were asked something and have not answered. */
const asked = new Set<string>();
/** By folder, and there by question, in their order. */
const waiting = new Map<string, Map<string, Turn>>();

/**
 * Asks the file system for something of a path, and waits for that so long. What is asked of one folder is asked one after the
 * other: while its file system hangs (NFS without its server), it costs one thread. What several ask before it is asked is
 * asked once: a thousand hosts that are connected to again read one certificate.
 *
 * @param what is waited for, as the system names its calls: `read`; the same for the same question
 * @throws FileTimeout once the time is over; what `ask` rejects with
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
  // All that waited may have given up.
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

/** Asks the folders that have answered, each for its first question. */
function beginNext(): void {
  for (const [folder, turns] of waiting) {
    if (asked.size >= FOLDERS_MAX) return;
    const [first] = asked.has(folder) ? [] : turns;
    if (first === undefined) continue;
    forget(folder, ...first);
    // Behind the others, which are asked next.
    if (waiting.delete(folder)) waiting.set(folder, turns);
    first[1].begin();
  }
}

/** It is asked now, or nothing waits for it. */
function forget(folder: string, question: string, turn: Turn): void {
  const turns = waiting.get(folder);
  if (turns?.get(question) !== turn) return;
  turns.delete(question);
  if (turns.size === 0) waiting.delete(folder);
}

function timeoutOf(path: string, syscall: string, withinMs: number): FileTimeout {
  const seconds = withinMs / 1_000;
  const behind = asked.has(dirname(resolve(path))) ? [] : [...asked];
  const error = new Error(
    behind.length === 0
      ? `ETIMEDOUT: its file system does not answer within ${seconds} s, ${syscall} '${path}'`
      : `ETIMEDOUT: not reached within ${seconds} s, behind file systems that do not answer (${behind.join(', ')}), ${syscall} '${path}'`,
  );
  return Object.assign(error, { code: 'ETIMEDOUT', syscall, path, behind });
}
