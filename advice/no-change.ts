import type { Remedy } from './advice.ts';

/** Something to find out first: nothing is changed by it. */
export const findOut = (change: string): Remedy => ({
  change,
  steps: [],
  cost: 'none',
  payers: [],
  gain: 'unknown',
  risk: 'none',
  effect: 'nothing changes',
});

/** To leave a limit as it is: what others pay for raising it is not known, or there is no room for it. */
export const keep = (what: 'quota' | 'limit'): Remedy => ({
  ...findOut(`keep the ${what}: it does what it was set for`),
  gain: 'none',
});
