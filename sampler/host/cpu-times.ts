import { LastingCounter } from '../lasting-counter.ts';
import type { ProcStat } from './proc.ts';

/**
 * idle and iowait may decrease (proc_stat(5)): by less than this they are read at a bad moment; by more, the CPU was offline
 * and counts again.
 */
const JITTER_NS = 3e9;

type Modes = Map<string, LastingCounter>;
type Times = ReadonlyMap<string, number>;

/** CPU times of /proc/stat as counters that never fall, though idle and iowait there may, and offline CPUs are not listed. */
export class CpuTimes {
  readonly #total: Modes = new Map();
  readonly #byCpu = new Map<number, Modes>();
  /** By CPU that came online later than the first reading, what it had then: a sum would jump by it. */
  readonly #before = new Map<number, Times>();
  /** Of all CPUs at the first reading, what was not of those that it listed. */
  #unlisted: Times | undefined;

  /** The same figures, none of them lower than before. */
  next({ totalNs, byCpu }: ProcStat): ProcStat {
    const held = new Map<number, Times>();
    for (const [cpu, modes] of byCpu) {
      if (this.#unlisted !== undefined && !this.#byCpu.has(cpu)) this.#before.set(cpu, modes);
      const counters: Modes = this.#byCpu.get(cpu) ?? new Map();
      this.#byCpu.set(cpu, counters);
      held.set(cpu, holdAll(counters, modes));
    }
    if (byCpu.size === 0) return { totalNs: holdAll(this.#total, totalNs), byCpu };
    // The line of all CPUs falls by what one CPU had when that begins again: what it lost is only known of that CPU.
    const sum = this.sumOf(this.#byCpu.keys());
    this.#unlisted ??= added(totalNs, sum, -1);
    return { totalNs: added(this.#unlisted, sum, 1), byCpu: held };
  }

  /** By mode, of some CPUs together: of those that are offline, what they had until then. */
  sumOf(cpus: Iterable<number>): Times {
    const sum = new Map<string, number>();
    for (const cpu of cpus)
      for (const [mode, counter] of this.#byCpu.get(cpu) ?? [])
        sum.set(mode, (sum.get(mode) ?? 0) + counter.value - (this.#before.get(cpu)?.get(mode) ?? 0));
    return sum;
  }
}

/** By the modes of the first. */
function added(times: Times, others: Times, factor: 1 | -1): Times {
  return new Map([...times].map(([mode, ns]) => [mode, ns + factor * (others.get(mode) ?? 0)]));
}

function holdAll(counters: Modes, values: Times): Times {
  const held = new Map<string, number>();
  for (const [mode, value] of values) {
    const counter = counters.get(mode) ?? new LastingCounter(JITTER_NS);
    counters.set(mode, counter);
    held.set(mode, counter.next(value));
  }
  return held;
}
