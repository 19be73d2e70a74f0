import { SLOTS } from '../fleet.ts';

/** Mean demand of each hour of the range, in CPUs; NaN where unknown. */
export type Hours = Float32Array;

export interface DemandProfile {
  /** SLOTS figures, in CPUs. */
  readonly demandCpus: Float32Array;
  /** Hours of the range that have a figure. */
  readonly hoursKnown: number;
  /** Variance of the mean demand between hours, in CPUs squared. */
  readonly varianceBetweenHours: number;
}

/** Demand in the same hour that only one day in ten exceeds. */
const QUANTILE = 0.9;

/**
 * Demand by hour of the day: the 90th percentile over all days, by nearest rank; the highest with less than ten days.
 * An hour without any data takes the highest of the others, as the safe choice.
 * @param firstHour hour of the day (UTC) of the first figure
 * @returns undefined without any figure
 */
export function profileOf(hours: Hours, firstHour: number): DemandProfile | undefined {
  const days: number[][] = Array.from({ length: SLOTS }, () => []);
  let [known, sum, squares] = [0, 0, 0];
  for (const [at, demand] of hours.entries()) {
    if (Number.isNaN(demand)) continue;
    (days[(firstHour + at) % SLOTS] as number[]).push(demand);
    known++;
    sum += demand;
    squares += demand * demand;
  }
  if (known === 0) return undefined;
  const demandCpus = new Float32Array(SLOTS).fill(Number.NaN);
  let highest = 0;
  for (const [slot, of] of days.entries()) {
    if (of.length === 0) continue;
    of.sort((a, b) => a - b);
    const demand = of[Math.ceil(QUANTILE * of.length) - 1] as number;
    demandCpus[slot] = demand;
    highest = Math.max(highest, demand);
  }
  for (let slot = 0; slot < SLOTS; slot++) {
    if (Number.isNaN(demandCpus[slot])) demandCpus[slot] = highest;
  }
  const mean = sum / known;
  return { demandCpus, hoursKnown: known, varianceBetweenHours: Math.max(0, squares / known - mean * mean) };
}

/** Merges a VM's hours from several hosts. During a migration there are two: the higher is the running copy's. */
export function mergedHours(parts: readonly Hours[]): Hours {
  const [first = new Float32Array(), ...more] = parts;
  const merged = Float32Array.from(first);
  for (const hours of more) {
    for (const [at, demand] of hours.entries()) {
      if (!(demand <= (merged[at] as number)))
        merged[at] = Number.isNaN(demand) ? (merged[at] as number) : demand;
    }
  }
  return merged;
}
