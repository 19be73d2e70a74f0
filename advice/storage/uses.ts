import type { Disk, DiskSource } from '../../model/domain/disks.ts';
import { milliseconds } from '../../model/format.ts';
import { poolFinder } from '../../model/pool-of.ts';
import type { Context } from '../context.ts';
import { isLasting } from '../evidence.ts';
import type { DiskSeries, ObservedVm } from '../observation.ts';

/** Requests that take longer are slow on any storage. */
export const SLOW_MS = 50;
const FLUSH_SLOW_MS = 150;
/** A disk without requests is not slow. */
const REQUESTS_MIN = 1;

/** One disk of one VM, where it lies, and what it does. */
export interface Use {
  readonly vm: ObservedVm;
  readonly target: string;
  readonly disk: Disk | undefined;
  readonly series: DiskSeries;
  readonly storage: string;
}

export function usesOf({ running, observation }: Context): Use[] {
  const poolOf = poolFinder(observation.newest.host?.pools ?? []);
  return running.flatMap((vm) =>
    [...vm.disks].map(([target, series]) => {
      const disk = vm.facts?.disks.find((each) => each.target === target);
      return { vm, target, disk, series, storage: storageOf(disk?.source, poolOf) };
    }),
  );
}

/** What disks share, as far as libvirt shows it: a pool, a folder, a cluster; a device is shared with no other disk. */
function storageOf(
  source: DiskSource | undefined,
  poolOf: (source: DiskSource) => { readonly name: string } | undefined,
): string {
  if (source === undefined) return 'unknown storage';
  const { kind, name, protocol } = source;
  if (kind === 'volume') return `pool ${name.split('/')[0]}`;
  const pool = poolOf(source);
  if (pool !== undefined) return `pool ${pool.name}`;
  if (kind === 'file') return name.slice(0, Math.max(1, name.lastIndexOf('/')));
  if (protocol !== undefined) return name.split('/')[0] ?? protocol;
  return name;
}

export function isSlow({ series }: Use, minSamples: number): boolean {
  const { latencyMs, flushLatencyMs, requests, flushes } = series;
  return (
    (isLasting(latencyMs, SLOW_MS, minSamples) && (requests.median ?? 0) > REQUESTS_MIN) ||
    (isLasting(flushLatencyMs, FLUSH_SLOW_MS, minSamples) && (flushes.median ?? 0) > REQUESTS_MIN)
  );
}

export const meanBytes = ({ series }: Use): number => series.bytes.mean ?? 0;
export const bytesOf = (uses: readonly Use[]): number => uses.reduce((sum, use) => sum + meanBytes(use), 0);

export function latencyText({ series, target }: Use): string {
  return `${target} ${milliseconds(series.latencyMs.median ?? series.flushLatencyMs.median ?? 0)} ms`;
}

/** A VM with a request under way all the time loses all its time. */
export function harmOf(slow: readonly Use[]): number {
  const byVm = Map.groupBy(slow, ({ vm }) => vm);
  return [...byVm.values()].reduce(
    (sum, uses) =>
      sum +
      Math.min(
        1,
        uses.reduce((all, { series }) => all + (series.inFlight.median ?? 0), 0),
      ),
    0,
  );
}
