import type { Remedy } from './advice.ts';

/** To leave a limit as it is: what others pay for raising it is not known, or there is no room for it. */
export const keep = (what: 'quota' | 'limit'): Remedy => ({
  change: `keep the ${what}: it does what it was set for`,
  steps: [],
  cost: 'none',
  payers: [],
  gain: 'none',
  risk: 'none',
  effect: 'nothing changes',
});
