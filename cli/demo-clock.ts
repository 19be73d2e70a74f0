const DAY_MS = 86_400_000;
const BUSIEST_MS = 14 * 3_600_000;

/** Simulated hosts have days and nights; a demo that is only watched starts at a busy hour. */
export function busyClock(): () => number {
  const offsetMs = BUSIEST_MS - (Date.now() % DAY_MS);
  return () => Date.now() + offsetMs;
}
