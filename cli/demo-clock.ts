const DAY_MS = 86_400_000;
const BUSIEST_MS = 14 * 3_600_000;

/** Simulated hosts have a daily load cycle; a demo starts at a busy hour, so that there is something to see. */
export function busyClock(): () => number {
  const offsetMs = BUSIEST_MS - (Date.now() % DAY_MS);
  return () => Date.now() + offsetMs;
}
