import { LastingCounter } from '../lasting-counter.ts';
import type { ProcStat } from './proc.ts';

/**
 * idle and iowait may decrease (proc_stat(5)): by less than this they are read at a bad moment; by more, the CPU was offline
 * and counts again.
 */
const JITTER_NS = 3e9;

type Modes = Map<string, LastingCounter>;

/** CPU times of /proc/stat as counters that never fall, though idle and iowait there may, and offline CPUs are not listed. */
export class CpuTimes {
  readonly #total: Modes = new Map();
  readonly #byCpu = new Map<number, Modes>();

  /** The same figures, none of them lower than before. */
  next({ totalNs, byCpu }: ProcStat): ProcStat {
    const held = new Map<number, ReadonlyMap<string, number>>();
    for (const [cpu, modes] of byCpu) {
      const counters: Modes = this.#byCpu.get(cpu) ?? new Map();
      this.#byCpu.set(cpu, counters);
      held.set(cpu, holdAll(counters, modes));
    }
    return { totalNs: holdAll(this.#total, totalNs), byCpu: held };
  }

  /** By mode, of some CPUs together: of those that are offline, what they had until then. */
  sumOf(cpus: Iterable<number>): ReadonlyMap<string, number> {
    const sum = new Map<string, number>();
    for (const cpu of cpus)
      for (const [mode, counter] of this.#byCpu.get(cpu) ?? [])
        sum.set(mode, (sum.get(mode) ?? 0) + counter.value);
    return sum;
  }
}

function holdAll(counters: Modes, values: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  for (const [mode, value] of values) {
    const counter = counters.get(mode) ?? new LastingCounter(JITTER_NS);
    counters.set(mode, counter);
    held.set(mode, counter.next(value));
  }
  return held;
}
