import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { makeFolder } from '../../sampler/make-folder.ts';
import { TunerError } from '../errors.ts';

const GROUP_OR_OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_WRITE = 0o002;
/** In a folder with this bit, such as /tmp, only the owner of an entry can rename or remove it. */
const STICKY = 0o1000;

/** Folders of the tuner's state: journals, and the locks of hosts. */
export interface StateFolder {
  readonly path: string;
  readonly transactions: string;
  readonly locks: string;
}

/**
 * Creates the folder if it does not exist. Refuses one that others may write to: what a journal contains is done to
 * domains, with the rights of the user who recovers it.
 */
export async function openStateFolder(path: string): Promise<StateFolder> {
  const folder = { path, transactions: join(path, 'transactions'), locks: join(path, 'locks') };
  try {
    for (const each of [folder.transactions, folder.locks]) await makeFolder(each, { mode: 0o700 });
  } catch (error) {
    throw cannot(`the state folder ${path} cannot be created`, error, 'choose another one with --state-dir');
  }
  try {
    await refuseForeignFolders(folder);
  } catch (error) {
    if (error instanceof TunerError) throw error;
    throw cannot(`the state folder ${path} cannot be read`, error, 'check its file system and disk (dmesg)');
  }
  return folder;
}

/** @throws TunerError if another user may write to the folder, and the system's error if that cannot be determined */
async function refuseForeignFolders({ path, transactions, locks }: StateFolder): Promise<void> {
  await refuseForeignPath(path);
  const uid = process.getuid?.();
  for (const each of [path, transactions, locks]) {
    const { mode, uid: owner } = await stat(each);
    if ((mode & GROUP_OR_OTHERS_MAY_WRITE) !== 0 || (owner !== uid && owner !== 0)) {
      throw new TunerError(
        'TUNE_JOURNAL',
        `another user can write to ${each}, and virtune would apply journals planted there; make your user its owner (chown) and run chmod go-w`,
      );
    }
  }
}

/**
 * Refuses a path that another user can redirect between two accesses: through a symbolic link of theirs, or through a
 * parent folder in which they may rename. sshd checks the path of authorized_keys alike (StrictModes).
 */
async function refuseForeignPath(path: string): Promise<void> {
  const uid = process.getuid?.();
  const isTrusted = (owner: number): boolean => owner === uid || owner === 0;
  const refuse = (what: string): never => {
    throw new TunerError(
      'TUNE_JOURNAL',
      `another user could replace the state folder ${path}, and virtune would apply journals planted there: ${what}; choose another folder with --state-dir`,
    );
  };
  for (const each of [...ancestors(resolve(path)), ...ancestors(dirname(await realpath(path)))]) {
    const { mode, uid: owner } = await lstat(each);
    const isLink = (mode & 0o170000) === 0o120000;
    if (!isTrusted(owner)) refuse(`${each} belongs to user ${owner}`);
    // The mode of a link is meaningless.
    if (!isLink && each !== path && (mode & OTHERS_MAY_WRITE) !== 0 && (mode & STICKY) === 0)
      refuse(`every user can write to ${each}`);
  }
}

/** The path and all folders above it. */
function ancestors(path: string): string[] {
  return path === dirname(path) ? [path] : [path, ...ancestors(dirname(path))];
}

/** Names in a folder; none if it does not exist. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cannot(`${path} cannot be read`, error, 'run virtune as the user that applied the changes');
  }
}

/** Makes what was created, renamed or removed in a folder survive a crash of the machine. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function cannot(what: string, error: unknown, next: string): TunerError {
  return new TunerError('TUNE_JOURNAL', `${what}: ${(error as Error).message}; ${next}`, { cause: error });
}
