import { type GuestReport, type MemoryRates, memoryRates, ratesShown } from './guest-report.ts';
import { perSecond } from './per-second.ts';
import type { BlockStats, DomainStats, NetStats, VcpuStats } from './stats/types.ts';

/** A domain's figures, when they were taken, and the id of their run. */
export interface Instant {
  readonly stats: DomainStats;
  readonly atMs: number;
  /** CPU time of all threads, from the domain's summary, since the cpu group of figures is off by default. */
  readonly cpu?: CpuTime | undefined;
  /** The guest's last report, where its time is known. */
  readonly report?: GuestReport | undefined;
  /** libvirt's domain id: a restart changes it and resets every counter. */
  readonly runId: number;
}

/** `atMs`: when it was read; it differs from the time of the other figures, since it takes a separate call. */
export interface CpuTime {
  readonly timeNs: number;
  readonly atMs: number;
}

type Counters<T> = { [K in keyof T as number extends T[K] ? K : never]: T[K] };
/** The same names, per second; a name without a rate is absent. */
export type Rates<T> = { readonly [K in keyof Counters<T>]?: number };

export interface DomainRates {
  readonly elapsedMs: number;
  /** CPU seconds per second: 2 is two whole CPUs. */
  readonly cpuUsage: number | undefined;
  readonly vcpus: ReadonlyMap<number, Rates<VcpuStats>>;
  /** Contention: delay / (delay + run) over all vCPUs. */
  readonly contention: number | undefined;
  /** By device name. */
  readonly blocks: ReadonlyMap<string, Rates<BlockStats>>;
  readonly nets: ReadonlyMap<string, Rates<NetStats>>;
  readonly memory: MemoryRates;
}

/** Undefined when the two are not comparable: different runs of the domain, or no time in between. */
export function domainRates(previous: Instant, current: Instant): DomainRates | undefined {
  const elapsedMs = current.atMs - previous.atMs;
  if (elapsedMs <= 0 || previous.runId !== current.runId) return undefined;
  const vcpus = matched(previous.stats.vcpus, current.stats.vcpus, elapsedMs);
  return {
    elapsedMs,
    cpuUsage: cpuUsage(cpuTimeOf(previous), cpuTimeOf(current)),
    vcpus,
    contention: contention(vcpus),
    blocks: matchedByName(previous.stats.blocks, current.stats.blocks, elapsedMs),
    nets: matchedByName(previous.stats.nets, current.stats.nets, elapsedMs),
    memory:
      current.report === undefined
        ? memoryRates(previous.stats.balloon, current.stats.balloon, elapsedMs)
        : ratesShown(current.report, current.stats.balloon),
  };
}

/** CPU seconds per second, over all threads of one run of a domain. */
export function cpuUsage(previous: CpuTime | undefined, current: CpuTime | undefined): number | undefined {
  if (previous === undefined || current === undefined) return undefined;
  const ns = perSecond(previous.timeNs, current.timeNs, current.atMs - previous.atMs);
  return ns === undefined ? undefined : ns / 1e9;
}

function cpuTimeOf({ cpu, stats, atMs }: Instant): CpuTime | undefined {
  if (cpu !== undefined) return cpu;
  return stats.cpu.timeNs === undefined ? undefined : { timeNs: stats.cpu.timeNs, atMs };
}

/** libvirt renumbers devices on hot-plug, so they are matched by name; the same index is tried first. */
function matchedByName<T extends { name?: string }>(
  previous: ReadonlyMap<number, T>,
  current: ReadonlyMap<number, T>,
  elapsedMs: number,
): Map<string, Rates<T>> {
  const rates = new Map<string, Rates<T>>();
  for (const [index, now] of current) {
    const { name } = now;
    if (name === undefined) continue;
    const sameIndex = previous.get(index);
    const before = sameIndex?.name === name ? sameIndex : named(previous, name);
    if (before !== undefined) rates.set(name, growth(before, now, elapsedMs));
  }
  return rates;
}

function named<T extends { name?: string }>(devices: ReadonlyMap<number, T>, name: string): T | undefined {
  for (const device of devices.values()) if (device.name === name) return device;
  return undefined;
}

function matched<K, T extends object>(
  previous: ReadonlyMap<K, T>,
  current: ReadonlyMap<K, T>,
  elapsedMs: number,
): Map<K, Rates<T>> {
  const rates = new Map<K, Rates<T>>();
  for (const [key, now] of current) {
    const before = previous.get(key);
    if (before !== undefined) rates.set(key, growth(before, now, elapsedMs));
  }
  return rates;
}

function growth<T extends object>(before: T, now: T, elapsedMs: number): Rates<T> {
  const rates: Record<string, number> = {};
  const earlier = before as Readonly<Record<string, unknown>>;
  const figures = now as Readonly<Record<string, unknown>>;
  // Hot path (thousands of devices per second): avoids a list of entries for each.
  for (const name in figures) {
    const from = earlier[name];
    const to = figures[name];
    if (typeof to !== 'number' || typeof from !== 'number') continue;
    const rate = perSecond(from, to, elapsedMs);
    if (rate !== undefined) rates[name] = rate;
  }
  return rates as Rates<T>;
}

function contention(vcpus: ReadonlyMap<number, Rates<VcpuStats>>): number | undefined {
  let run = 0;
  let delay = 0;
  let known = false;
  for (const { timeNs, delayNs } of vcpus.values()) {
    if (timeNs === undefined || delayNs === undefined) continue;
    known = true;
    run += timeNs;
    delay += delayNs;
  }
  if (!known) return undefined;
  return run + delay === 0 ? 0 : delay / (run + delay);
}
