import type { HostFigures, Pressure } from './host.ts';
import { perSecond } from './per-second.ts';

/** Shares of the time of one or all CPUs, 0 to 1. */
export interface CpuShares {
  /** All but idle and iowait. */
  readonly busy: number;
  readonly user: number;
  readonly kernel: number;
  readonly ioWait: number | undefined;
  /** Taken by the hypervisor that this host runs on. */
  readonly steal: number | undefined;
}

/** Shares of the time in which some or all tasks waited, 0 to 1. */
export interface PressureShares {
  readonly some: number | undefined;
  readonly full: number | undefined;
}

export interface HostRates {
  readonly elapsedMs: number;
  readonly cpu: CpuShares | undefined;
  readonly byCpu: ReadonlyMap<number, CpuShares>;
  readonly byCell: ReadonlyMap<number, CpuShares>;
  readonly pressure: ReadonlyMap<string, PressureShares>;
  /** Pages per second. */
  readonly swapIn: number | undefined;
  readonly swapOut: number | undefined;
}

/** As in the alert HostSwappingIn: pages per second, and the share of time in which some task waits. */
const SWAPS_ABOVE = 100;
const WAITS_ABOVE = 0.01;

/**
 * Whether the host swaps in and tasks wait for it; pages in zram return within microseconds. The kernel counts reading
 * swap as I/O pressure, and as memory pressure only for pages that were in use shortly before.
 * @param waits shares of time in which some task waits for memory and for I/O; without any, every swap-in counts
 */
export function swapHurts(pagesPerSecond: number, waits: readonly number[]): boolean {
  return pagesPerSecond > SWAPS_ABOVE && (waits.length === 0 || Math.max(...waits) > WAITS_ABOVE);
}

export function isHurtBySwap({ swapIn, pressure }: Pick<HostRates, 'swapIn' | 'pressure'>): boolean {
  return swapHurts(
    swapIn ?? 0,
    ['memory', 'io'].flatMap((resource) => pressure.get(resource)?.some ?? []),
  );
}

type Times = ReadonlyMap<string, number>;

/** Undefined when no time passed between the two. */
export function hostRates(before: HostFigures, now: HostFigures, elapsedMs: number): HostRates | undefined {
  if (elapsedMs <= 0) return undefined;
  const rate = (read: (host: HostFigures) => number | undefined): number | undefined =>
    perSecond(read(before), read(now), elapsedMs);
  return {
    elapsedMs,
    cpu: cpuShares(before.cpuNs, now.cpuNs),
    byCpu: sharesBy(before.cpuNsByCpu, now.cpuNsByCpu),
    byCell: sharesBy(cellTimes(before), cellTimes(now)),
    pressure: pressureShares(before.local?.pressure, now.local?.pressure, elapsedMs),
    swapIn: rate((host) => host.local?.vmstat.get('pswpin')),
    swapOut: rate((host) => host.local?.vmstat.get('pswpout')),
  };
}

/** Undefined without idle times, or when no counter moved. A counter that fell counts as 0. */
export function cpuShares(before: Times, now: Times): CpuShares | undefined {
  const grown = (mode: string): number | undefined => {
    const [from, to] = [before.get(mode), now.get(mode)];
    return from === undefined || to === undefined ? undefined : to - from;
  };
  let total = 0;
  for (const mode of now.keys()) {
    // user and nice include guest time (proc_stat(5)).
    if (mode === 'guest' || mode === 'guest_nice') continue;
    const ns = grown(mode);
    // Linux lets idle and iowait run backwards by a tick when a CPU goes off- and online.
    if (ns !== undefined) total += Math.max(0, ns);
  }
  const idle = grown('idle');
  if (total <= 0 || idle === undefined) return undefined;
  const share = (...modes: string[]): number =>
    modes.reduce((sum, mode) => sum + Math.max(0, grown(mode) ?? 0), 0) / total;
  const known = (mode: string): number | undefined => (grown(mode) === undefined ? undefined : share(mode));
  return {
    busy: Math.min(1, Math.max(0, 1 - share('idle', 'iowait'))),
    user: share('user', 'nice'),
    kernel: share('kernel', 'irq', 'softirq'),
    ioWait: known('iowait'),
    steal: known('steal'),
  };
}

function cellTimes(host: HostFigures): ReadonlyMap<number, Times> {
  return new Map(host.cells.map((cell) => [cell.id, cell.cpuNs]));
}

function sharesBy(
  before: ReadonlyMap<number, Times> | undefined,
  now: ReadonlyMap<number, Times> | undefined,
): Map<number, CpuShares> {
  const shares = new Map<number, CpuShares>();
  for (const [id, times] of now ?? []) {
    const earlier = before?.get(id);
    const found = earlier && cpuShares(earlier, times);
    if (found !== undefined) shares.set(id, found);
  }
  return shares;
}

function pressureShares(
  before: ReadonlyMap<string, Pressure> | undefined,
  now: ReadonlyMap<string, Pressure> | undefined,
  elapsedMs: number,
): Map<string, PressureShares> {
  const shares = new Map<string, PressureShares>();
  for (const [resource, pressure] of now ?? []) {
    const earlier = before?.get(resource);
    const share = (from: number | undefined, to: number | undefined): number | undefined => {
      const ns = perSecond(from, to, elapsedMs);
      return ns === undefined ? undefined : Math.min(1, ns / 1e9);
    };
    shares.set(resource, {
      some: share(earlier?.someNs, pressure.someNs),
      full: share(earlier?.fullNs, pressure.fullNs),
    });
  }
  return shares;
}
