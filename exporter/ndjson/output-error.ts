import { dirname } from 'node:path';
import { systemErrorText } from '../../model/system-error.ts';
import { VirtuneError, type VirtuneErrorCode } from '../../model/virtune-error.ts';
import type { FailedWrite } from './line-file.ts';

export type OutputErrorCode = Extract<VirtuneErrorCode, `OUTPUT_${string}`>;

/** The output for documents cannot be opened (OUTPUT_FILE), written (OUTPUT_WRITE, OUTPUT_SLOW), or has no reader (OUTPUT_CLOSED). */
export class OutputError extends VirtuneError {
  override readonly name = 'OutputError';
  /** After a failed write: whole lines that were written nevertheless. */
  readonly writtenLines: number;

  constructor(code: OutputErrorCode, message: string, cause?: unknown, writtenLines = 0) {
    super(code, message, { cause });
    this.writtenLines = writtenLines;
  }
}

/** For a file that cannot be opened for appending. */
export function openError(path: string, error: unknown): OutputError {
  return new OutputError('OUTPUT_FILE', `${path} cannot be opened: ${reasonAndStep(path, error)}`, error);
}

/** For a pipe, a socket or a device. */
export function notRegularError(path: string): OutputError {
  return new OutputError(
    'OUTPUT_FILE',
    `${path} is not a regular file; for a pipe or a device use --output ndjson and redirect standard output`,
  );
}

/** For a failed write; the next one may succeed. */
export function writeError(target: string, { error, lines }: FailedWrite): OutputError {
  return new OutputError(
    'OUTPUT_WRITE',
    `${target} cannot be written: ${reasonAndStep(target, error)}`,
    error,
    lines,
  );
}

export function closedError(target: string, error: unknown): OutputError {
  return new OutputError(
    'OUTPUT_CLOSED',
    `the reader of ${target} is gone: ${systemErrorText(error)}; start both again, or write to a file with --output ndjson:FILE`,
    error,
  );
}

export function slowError(target: string): OutputError {
  return new OutputError(
    'OUTPUT_SLOW',
    `${target} cannot keep up, and the buffer is full: speed up its reader or storage, or raise --output.interval`,
  );
}

/** For documents that were still buffered when the process ended. */
export function unwrittenError(target: string, documents: number): OutputError {
  return new OutputError(
    'OUTPUT_SLOW',
    `${documents} documents could not be written to ${target} before virtune stopped, and were dropped: check its reader or storage`,
  );
}

function reasonAndStep(target: string, error: unknown): string {
  return `${systemErrorText(error)}; ${nextStep(target, (error as NodeJS.ErrnoException).code)}`;
}

function nextStep(target: string, code: string | undefined): string {
  const folder = dirname(target);
  switch (code) {
    case 'EISDIR':
      return `name a file in it: --output ndjson:${target === '/' ? '' : target}/FILE`;
    case 'ENOENT':
      return `create its folder: mkdir -p ${folder}`;
    case 'ENOTDIR':
      return `a part of ${folder} is a file: name another path`;
    case 'EACCES':
    case 'EPERM':
      return `let the user of virtune write to it: check its owner and mode, and those of ${folder}`;
    case 'EROFS':
      return 'its file system is read-only: remount it, or name a file elsewhere';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'free space on its file system, or raise the quota';
    case 'EFBIG':
      return 'rotate the file, or raise the limit on the size of files (ulimit -f)';
    default:
      return 'check its file system and the log of the kernel';
  }
}
