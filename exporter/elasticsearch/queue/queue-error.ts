export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly code: 'QUEUE_FOLDER' | 'QUEUE_IN_USE';

  constructor(code: QueueError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
