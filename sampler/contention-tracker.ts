import { type Contention, contentionBetween, type VcpuTimes, vcpuTimesOf } from '../model/overcommit.ts';
import { type HostSample, steadyStartMs } from './host-sample.ts';

/** Contention between the samples that one reader takes in, whatever samples others take between them. */
export class ContentionTracker {
  #before: { readonly times: VcpuTimes; readonly atMs: number } | undefined;

  /** Takes in the next sample, and compares it with the one before. Undefined for the first. */
  next(sample: HostSample): Contention | undefined {
    const times = vcpuTimesByRun(sample);
    const contention = this.#since(sample, times);
    this.#before = { times, atMs: steadyStartMs(sample) };
    return contention;
  }

  /** The same of a sample that the next one is not compared with. */
  preview(sample: HostSample): Contention | undefined {
    return this.#since(sample, vcpuTimesByRun(sample));
  }

  #since(sample: HostSample, times: VcpuTimes): Contention | undefined {
    const before = this.#before;
    const atMs = steadyStartMs(sample);
    // In a recording of an earlier version, a clock that was set back says nothing about how long it was.
    if (before === undefined || atMs <= before.atMs) return undefined;
    return contentionBetween(before.times, times, atMs - before.atMs);
  }
}

/** Run and delay of each VM that answered, by UUID and run. */
function vcpuTimesByRun({ domains }: HostSample): VcpuTimes {
  const times = new Map<string, { runNs: number; delayNs: number }>();
  for (const { domain, outcome } of domains) {
    const sums = outcome.kind === 'fresh' ? vcpuTimesOf(outcome.stats) : undefined;
    if (sums !== undefined) times.set(`${domain.uuid} ${domain.id}`, sums);
  }
  return times;
}
