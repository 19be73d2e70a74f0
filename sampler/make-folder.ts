import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export interface MakeFolderOptions {
  /** Mode of each folder that is created; default: as the umask allows. */
  readonly mode?: number | undefined;
}

/**
 * Creates a folder and its missing parents; an existing one is left unchanged. Node's own `mkdir(path, { recursive:
 * true })` never returns where the kernel answers ENOENT for a folder whose parent exists: in /proc, and in a
 * working directory that was deleted (seen with Node.js 24).
 *
 * It lives here because the exporter's queue, the tuner's journal and the commands need it, and this is the lowest
 * folder that they share and that may read a file.
 *
 * @throws the system's error of the first folder that cannot be created
 */
export async function makeFolder(path: string, { mode }: MakeFolderOptions = {}): Promise<void> {
  const missing: string[] = [];
  let folder = resolve(path);
  while (!(await exists(folder))) {
    missing.push(folder);
    folder = dirname(folder);
  }
  // An existing file gives EEXIST here, or ENOTDIR for a folder below it.
  for (const each of missing.length > 0 ? missing.reverse() : [folder]) await makeOne(each, mode);
}

async function makeOne(folder: string, mode: number | undefined): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    // Another process may have created it first.
    if (await isFolder(folder)) return;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

/** The root always exists, so the upward search ends. */
async function exists(path: string): Promise<boolean> {
  if (path === dirname(path)) return true;
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
