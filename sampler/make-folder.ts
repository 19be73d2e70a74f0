import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export interface MakeFolderOptions {
  /** Of each folder that is created; default: as the umask allows. */
  readonly mode?: number | undefined;
}

/**
 * Creates a folder and those above it that do not exist; one that exists is left as it is. Node's own
 * `mkdir(path, { recursive: true })` never returns where the kernel answers ENOENT for a folder whose parent exists:
 * in /proc, and in a working directory that was deleted (seen with Node.js 24).
 *
 * It stands here because the exporter's queue, the tuner's journal and the commands need it, and this is the lowest
 * room that they share and that may read a file.
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
  // What exists and is a file gives EEXIST here, or ENOTDIR for the folder below it.
  for (const each of missing.length > 0 ? missing.reverse() : [folder]) await makeOne(each, mode);
}

async function makeOne(folder: string, mode: number | undefined): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    // Another process may have been faster.
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

/** The root exists always, so a search upwards ends. */
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
