import { systemErrorText } from '../../model/system-error.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { type QueueKind, queueDirSetting } from './queue-kind.ts';

/**
 * The folder of the queue cannot be used (QUEUE_FOLDER), another process uses it (QUEUE_IN_USE), or one of its files could
 * not be read for minutes (QUEUE_UNREADABLE).
 */
export class QueueError extends VirtuneError {
  override readonly name = 'QueueError';
  declare readonly code: 'QUEUE_FOLDER' | 'QUEUE_IN_USE' | 'QUEUE_UNREADABLE';

  constructor(code: QueueError['code'], message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}

/** What to do about a folder that cannot be used. */
export interface Advice {
  /** Where neither a permission is missing nor the disk is full. */
  readonly next: string;
  readonly permission: string;
}

/** For an exporter, the only user of the folder. */
export function exporterAdvice(kind: QueueKind): Advice {
  const choose = `choose another folder with ${queueDirSetting(kind)}`;
  return {
    next: `check it, or ${choose}`,
    permission: `give it to the user of the exporter, or ${choose}`,
  };
}

/** Another process has the folder. */
export function queueInUse(dir: string, kind: QueueKind): QueueError {
  return new QueueError(
    'QUEUE_IN_USE',
    `${dir}: another exporter uses this queue; stop it, or choose a separate folder for this one with ${queueDirSetting(kind)}`,
  );
}

type SystemError = Error & {
  readonly code?: string;
  readonly syscall?: string;
  readonly path?: string;
};

/**
 * The error for a file or folder of the queue that the system denies access to; other errors are returned unchanged.
 * @param folder named if the system error has no path
 */
export function queueFolderError(folder: string, error: Error, { next, permission }: Advice): Error {
  const { code, syscall, path = folder } = error as SystemError;
  if (syscall === undefined) return error;
  const advice =
    code === 'EACCES' || code === 'EPERM'
      ? permission
      : code === 'ENOSPC' || code === 'EDQUOT'
        ? 'free space on its file system'
        : code === 'EROFS'
          ? 'its file system is read-only: mount it read-write'
          : next;
  return new QueueError(
    'QUEUE_FOLDER',
    `${path} cannot be used: ${systemErrorText(error)}; ${advice}`,
    error,
  );
}
