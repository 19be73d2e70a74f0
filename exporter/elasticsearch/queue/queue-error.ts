import { VirtuneError } from '../../../model/virtune-error.ts';

/** The folder of the document queue cannot be used, or another process uses it. */
export class QueueError extends VirtuneError {
  override readonly name = 'QueueError';
  declare readonly code: 'QUEUE_FOLDER' | 'QUEUE_IN_USE';

  constructor(code: QueueError['code'], message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
