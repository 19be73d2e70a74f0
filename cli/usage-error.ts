import { VirtuneError } from '../model/virtune-error.ts';

/** Flags that cannot be combined, or an invalid value. */
export class UsageError extends VirtuneError {
  override readonly name = 'UsageError';
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}
