import { dirname, resolve } from 'node:path';

/** Far more than a file system that works takes, and less than a service manager waits for a start or a reload. */
export const FILE_DEADLINE_MS = 10_000;

/**
 * How many folders are asked at once. What a file system that hangs was asked holds a thread of libuv until it answers, and
 * nothing can call that off: with each file of each host such a mount would take them all, and names, compression and queues
 * would wait for it, too.
 */
const FOLDERS_MAX = 4;

interface Turn {
  readonly folder: string;
  readonly begin: () => void;
}

/** Folders that were asked something and have not answered. */
const asked = new Set<string>();
const waiting: Turn[] = [];

/**
 * Asks the file system for something of a path, and waits for that so long. What is asked of one folder is asked one after the
 * other: while its file system hangs (NFS without its server), it costs one thread.
 *
 * @param what is waited for, as the system names its calls: `read`
 * @throws an error with the code ETIMEDOUT, worded as the system's, once the time is over; what `ask` rejects with
 */
export async function inFileTurn<T>(
  path: string,
  what: string,
  ask: () => Promise<T>,
  withinMs: number = FILE_DEADLINE_MS,
): Promise<T> {
  const answer = Promise.withResolvers<T>();
  const timer = setTimeout(() => answer.reject(noAnswer(path, what, withinMs)), withinMs);
  const folder = dirname(resolve(path));
  const turn: Turn = {
    folder,
    begin: () => {
      const release = (): void => {
        asked.delete(folder);
        beginNext();
      };
      ask().finally(release).then(answer.resolve, answer.reject);
    },
  };
  waiting.push(turn);
  beginNext();
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    const place = waiting.indexOf(turn);
    if (place >= 0) waiting.splice(place, 1);
  }
}

/** In the order in which they came, but for those whose folder has not answered. */
function beginNext(): void {
  for (const turn of [...waiting]) {
    if (asked.size >= FOLDERS_MAX) return;
    if (asked.has(turn.folder)) continue;
    asked.add(turn.folder);
    waiting.splice(waiting.indexOf(turn), 1);
    turn.begin();
  }
}

/** As the system words its errors. */
function noAnswer(path: string, syscall: string, withinMs: number): NodeJS.ErrnoException {
  const error = new Error(
    `ETIMEDOUT: its file system does not answer within ${withinMs / 1_000} s, ${syscall} '${path}'`,
  );
  return Object.assign(error, { code: 'ETIMEDOUT', syscall, path });
}
