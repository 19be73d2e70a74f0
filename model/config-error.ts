import { VirtuneError } from './virtune-error.ts';

/** A user's file that cannot be used: which file, at which line and key, and why. */
export class ConfigError extends VirtuneError {
  override readonly name = 'ConfigError';
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options);
  }
}
