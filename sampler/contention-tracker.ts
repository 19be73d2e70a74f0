import { type Contention, contentionBetween, type VcpuTimes, vcpuTimesOf } from '../model/overcommit.ts';
import { type HostSample, steadyStartMs } from './host-sample.ts';

/** Contention between the samples of one reader, whatever samples others take in between. */
export class ContentionTracker {
  #before: { readonly times: VcpuTimes; readonly atMs: number } | undefined;

  /** Contention since the previous sample; undefined for the first. */
  next(sample: HostSample): Contention | undefined {
    const times = vcpuTimesByRun(sample);
    const contention = this.#since(sample, times);
    this.#before = { times, atMs: steadyStartMs(sample) };
    return contention;
  }

  /** Like next(), but the next sample is not compared with this one. */
  preview(sample: HostSample): Contention | undefined {
    return this.#since(sample, vcpuTimesByRun(sample));
  }

  #since(sample: HostSample, times: VcpuTimes): Contention | undefined {
    const before = this.#before;
    const atMs = steadyStartMs(sample);
    // Recordings of earlier versions have only the wall clock: if it was set back, the interval is unknown.
    if (before === undefined || atMs <= before.atMs) return undefined;
    return contentionBetween(before.times, times, atMs - before.atMs);
  }
}

/** Run time and delay of each VM that answered, by UUID and run. */
function vcpuTimesByRun({ domains }: HostSample): VcpuTimes {
  const times = new Map<string, { runNs: number; delayNs: number }>();
  for (const { domain, outcome } of domains) {
    const sums = outcome.kind === 'fresh' ? vcpuTimesOf(outcome.stats) : undefined;
    if (sums !== undefined) times.set(`${domain.uuid} ${domain.id}`, sums);
  }
  return times;
}
