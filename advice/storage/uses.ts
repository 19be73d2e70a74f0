import type { Disk } from '../../model/domain/disks.ts';
import { milliseconds } from '../../model/format.ts';
import type { Context } from '../context.ts';
import { isLasting } from '../evidence.ts';
import type { DiskSeries, ObservedVm } from '../observation.ts';
import { type Placed, Places } from './places.ts';

/** Requests that take longer are slow on any storage. */
export const SLOW_MS = 50;
const FLUSH_SLOW_MS = 150;
/** A disk without requests is not slow. */
const REQUESTS_MIN = 1;

/** One disk of one VM, where it is stored, and its activity. */
export interface Use extends Placed {
  readonly vm: ObservedVm;
  readonly target: string;
  readonly disk: Disk | undefined;
  readonly series: DiskSeries;
  readonly storage: string;
}

export function usesOf({ running, observation }: Context): Use[] {
  const uses = running.flatMap((vm) =>
    [...vm.disks].map(([target, series]) => {
      const disk = vm.facts?.disks.find((each) => each.target === target);
      return { vm, target, disk, series, source: disk?.source, serial: disk?.serial };
    }),
  );
  const places = new Places(observation.newest.host?.pools ?? [], uses);
  return uses.map((use) => ({ ...use, storage: places.storageOf(use) }));
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

/** A VM that always has a request in flight loses all its time. */
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
