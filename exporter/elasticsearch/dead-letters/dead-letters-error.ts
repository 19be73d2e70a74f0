import { VirtuneError } from '../../../model/virtune-error.ts';

/** A dead letters command failed, or did only part of its work. Nothing is lost. */
export class DeadLettersError extends VirtuneError {
  override readonly name = 'DeadLettersError';
  declare readonly code: 'DEAD_LETTERS_IN_USE' | 'DEAD_LETTERS_LEFT';

  constructor(code: DeadLettersError['code'], message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
