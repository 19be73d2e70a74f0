import { InvalidArgumentError, Option } from 'commander';
import { DurationError, type DurationRange, formatSeconds, parseSeconds } from '../model/duration.ts';

interface DurationOptionSettings extends DurationRange {
  readonly defaultSeconds?: number;
}

/** An option that takes a duration, such as `--wait <duration>`; its value is in seconds. */
export function durationOption(
  flags: string,
  description: string,
  { defaultSeconds, ...range }: DurationOptionSettings,
): Option {
  const option = new Option(`${flags} <duration>`, description).argParser((text) => parse(text, range));
  return defaultSeconds === undefined
    ? option
    : option.default(defaultSeconds, defaultSeconds === 0 ? '0' : formatSeconds(defaultSeconds));
}

function parse(text: string, range: DurationRange): number {
  try {
    return parseSeconds(text, range);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    throw new InvalidArgumentError(`${error.message.replace(/^e/, 'E')}.`);
  }
}
