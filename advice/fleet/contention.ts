import { SLOTS } from './fleet.ts';

/** CPU demand of all VMs that share the CPUs of a host, by hour: mean and variance of the number of ready vCPUs. */
export interface Demand {
  readonly meanCpus: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

/**
 * CPUs short: the expected number of vCPUs that are ready without a CPU, E[(N - C)+], with the number of ready vCPUs
 * assumed to be normally distributed. It is the normal loss function of inventory theory (Silver, Pyke, Peterson,
 * Inventory Management, 1998, appendix B): s (f(k) - k (1 - F(k))) with k = (C - m) / s. Demand below the CPUs on
 * average still waits now and then; demand above them waits by at least the excess.
 */
export function cpusShort(cpus: number, meanCpus: number, variance: number): number {
  const excess = meanCpus - cpus;
  if (variance <= 0) return Math.max(0, excess);
  const deviation = Math.sqrt(variance);
  const k = -excess / deviation;
  return Math.max(0, excess, deviation * (density(k) - k * upperTail(k)));
}

/** Contention, delay / (delay + run), in the worst hour; 0 without demand. */
export function worstContention(
  cpus: number,
  { meanCpus, variance }: Demand,
): { share: number; slot: number } {
  let share = 0;
  let slot = 0;
  for (let each = 0; each < SLOTS; each++) {
    const mean = meanCpus[each] as number;
    const short = mean > 0 ? cpusShort(cpus, mean, variance[each] as number) / mean : 0;
    if (short > share) {
      share = short;
      slot = each;
    }
  }
  return { share, slot };
}

/** CPUs short, mean over the hours of the day. */
export function meanCpusShort(cpus: number, { meanCpus, variance }: Demand): number {
  let sum = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    sum += cpusShort(cpus, meanCpus[slot] as number, variance[slot] as number);
  }
  return sum / SLOTS;
}

/**
 * Variance of the number of ready vCPUs of a VM: measured bursts within the hour, plus vCPUs that are ready
 * independently of each other (binomial).
 */
export function readyVariance(demandCpus: number, vcpus: number, burstVariance: number): number {
  const busy = vcpus > 0 ? Math.min(1, demandCpus / vcpus) : 0;
  return vcpus * busy * (1 - busy) + burstVariance;
}

const density = (k: number): number => Math.exp((-k * k) / 2) / Math.sqrt(2 * Math.PI);

/** 1 - F(k), by Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17: error below 7.5e-8. */
function upperTail(k: number): number {
  if (k < 0) return 1 - upperTail(-k);
  const t = 1 / (1 + 0.2316419 * k);
  const polynomial =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return density(k) * polynomial;
}
