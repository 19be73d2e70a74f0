import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorText } from '../model/system-error.ts';
import { VirtuneError } from '../model/virtune-error.ts';
import { makeFolder } from '../sampler/make-folder.ts';

class OutError extends VirtuneError {
  override readonly name = 'OutError';
  constructor(message: string, options?: ErrorOptions) {
    super('DASHBOARDS_OUT', message, options);
  }
}

const PERMISSION = 'permission denied; run virtune as a user that may write there';
const NOT_A_FOLDER = 'a part of its path is a file, not a folder; remove or rename that file';
const NO_SPACE = 'no space is left; free space on that file system';
/** What system errors mean here, and what to do. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  ENOTDIR: NOT_A_FOLDER,
  EEXIST: NOT_A_FOLDER,
  EISDIR: 'a folder with this name exists; remove or rename it',
  ENOSPC: NO_SPACE,
  EDQUOT: 'the disk quota is used up; free space of this user',
  EROFS: 'the file system is read-only; mount it writable',
  // The parent folder exists, but the kernel refuses to create one in it, as in /proc.
  ENOENT: 'folders cannot be created on this file system',
  ENAMETOOLONG: 'the path is too long',
};

/**
 * Writes files by their paths relative to a folder, creating the folder and missing parents.
 * @throws OutError with the reason and what to do
 */
export async function writeFiles(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    const file = join(folder, path);
    try {
      await makeFolder(dirname(file));
      await writeFile(file, text);
    } catch (error) {
      throw new OutError(
        `${file} cannot be written: ${reasonOf(error)}, or choose another folder with --out`,
        {
          cause: error,
        },
      );
    }
  }
}

function reasonOf(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? systemErrorText(error);
}
