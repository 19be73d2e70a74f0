import { VirtuneError } from '../../model/virtune-error.ts';

/** The file for documents cannot be written. */
export class OutputError extends VirtuneError {
  override readonly name = 'OutputError';

  constructor(message: string, cause?: unknown) {
    super('OUTPUT_FILE', message, { cause });
  }
}
