import { VirtuneError } from '../../../model/virtune-error.ts';

/** A command on dead letters that could not do, or not all of, what it was for. Nothing is lost. */
export class DeadLettersError extends VirtuneError {
  override readonly name = 'DeadLettersError';
  declare readonly code: 'DEAD_LETTERS_IN_USE' | 'DEAD_LETTERS_LEFT';

  constructor(code: DeadLettersError['code'], message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
