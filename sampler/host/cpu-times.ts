import { LastingCounter } from '../lasting-counter.ts';
import type { ProcStat } from './proc.ts';

/**
 * idle and iowait may decrease (proc_stat(5)): a smaller decrease is a read at a bad moment; a larger one means that
 * the CPU was offline and its counters restarted.
 */
const JITTER_NS = 3e9;

type Modes = Map<string, LastingCounter>;
type Times = ReadonlyMap<string, number>;

/** Monotonic CPU times from /proc/stat, where idle and iowait may decrease and offline CPUs are missing. */
export class CpuTimes {
  readonly #total: Modes = new Map();
  readonly #byCpu = new Map<number, Modes>();
  /** Values that CPUs had when they came online after the first reading: a sum would jump by them. */
  readonly #before = new Map<number, Times>();
  /** What the first reading's total contains beyond the CPUs that it lists. */
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
    // The total drops by what one CPU had when that CPU's counters restart: how much is only known from its own line.
    const sum = this.sumOf(this.#byCpu.keys());
    this.#unlisted ??= added(totalNs, sum, -1);
    return { totalNs: added(this.#unlisted, sum, 1), byCpu: held };
  }

  /** Sum over these CPUs by mode; offline CPUs count with their last values. */
  sumOf(cpus: Iterable<number>): Times {
    const sum = new Map<string, number>();
    for (const cpu of cpus)
      for (const [mode, counter] of this.#byCpu.get(cpu) ?? [])
        sum.set(mode, (sum.get(mode) ?? 0) + counter.value - (this.#before.get(cpu)?.get(mode) ?? 0));
    return sum;
  }
}

/** Adds `others` times `factor`, for the modes of `times`. */
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
