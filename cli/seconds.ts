import { InvalidArgumentError } from 'commander';

/** For a flag: a number of seconds above 0 and at most an hour. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > 3_600) {
    throw new InvalidArgumentError('Expected a number of seconds above 0 and at most 3600.');
  }
  return value;
}
