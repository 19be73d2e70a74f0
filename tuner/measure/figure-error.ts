import { TunerError } from '../errors.ts';

/** Why the deciding figure has no value. */
export function figureError(message: string, cause?: unknown): TunerError {
  return new TunerError('TUNE_FIGURE', message, { cause });
}
