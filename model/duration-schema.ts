import { z } from 'zod';
import { DurationError, type DurationRange, expectedDuration, parseSeconds } from './duration.ts';

/** A duration in a YAML file, as text or as a number of seconds; see parseSeconds. Yields seconds. */
export function secondsSchema(range: DurationRange) {
  return z
    .union([z.string(), z.number()], { error: () => expectedDuration(range) })
    .transform((given, context): number => {
      try {
        return parseSeconds(String(given), range);
      } catch (error) {
        if (!(error instanceof DurationError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    });
}
