import type { Remedy } from './advice.ts';

/** Something to find out first, without any change. */
export const findOut = (change: string): Remedy => ({
  change,
  steps: [],
  cost: 'none',
  payers: [],
  gain: 'unknown',
  risk: 'none',
  effect: 'nothing changes',
});

/** Keeps a limit as it is: the cost of raising it for others is unknown, or there is no room. */
export const keep = (what: 'quota' | 'limit'): Remedy => ({
  ...findOut(`keep the ${what}: it does what it was set for`),
  gain: 'none',
});
