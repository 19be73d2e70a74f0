import type { BlockStats } from './stats/types.ts';

type Counters = Pick<BlockStats, 'readBytes' | 'writeBytes' | 'readRequests' | 'writeRequests'>;

/** Counters of one disk at two points in time. */
export interface Readings {
  readonly before: Counters;
  readonly now: Counters;
}

/** How much of a limit one disk used; undefined where unknown. */
type Used = (readings: Readings, requestBytes: number) => number | undefined;

const readBytes: Used = (readings) => increase(readings, 'readBytes');
const writeBytes: Used = (readings) => increase(readings, 'writeBytes');
const readRequests: Used = (readings, requestBytes) =>
  counted(increase(readings, 'readRequests'), increase(readings, 'readBytes'), requestBytes);
const writeRequests: Used = (readings, requestBytes) =>
  counted(increase(readings, 'writeRequests'), increase(readings, 'writeBytes'), requestBytes);

/** By limit: libvirt's name in the XML, virtune's name, and the figures whose sum it limits. */
const LIMITS = [
  ['total_bytes_sec', 'total_bytes', [readBytes, writeBytes]],
  ['read_bytes_sec', 'read_bytes', [readBytes]],
  ['write_bytes_sec', 'write_bytes', [writeBytes]],
  ['total_iops_sec', 'total_requests', [readRequests, writeRequests]],
  ['read_iops_sec', 'read_requests', [readRequests]],
  ['write_iops_sec', 'write_requests', [writeRequests]],
] as const satisfies readonly (readonly [field: string, limit: string, held: readonly Used[]])[];

/** virtune's names of limits. */
export const LIMIT_NAMES = LIMITS.map(([, name]) => name);

/** Share of each limit that was used, by limit. */
export type LimitUse = ReadonlyMap<string, number>;

/** Whether any limit that virtune measures is set; libvirt reports 0 where there is none. */
export function isLimited(limits: ReadonlyMap<string, number>): boolean {
  return LIMITS.some(([field]) => (limits.get(field) ?? 0) > 0);
}

/**
 * Limit use between two readings of the disks that share these limits; a counter that fell was reset and gives no
 * figure. With `size_iops_sec`, the request figures are a lower bound.
 */
export function limitUse(
  limits: ReadonlyMap<string, number>,
  disks: readonly Readings[],
  elapsedMs: number,
): LimitUse {
  const requestBytes = limits.get('size_iops_sec') ?? 0;
  const shares = new Map<string, number>();
  for (const [field, name, held] of LIMITS) {
    const limit = limits.get(field) ?? 0;
    if (limit <= 0 || elapsedMs <= 0) continue;
    const used = sum(disks.flatMap((disk) => held.map((of) => of(disk, requestBytes))));
    if (used !== undefined) shares.set(name, (used * 1_000) / elapsedMs / limit);
  }
  return shares;
}

function increase({ before, now }: Readings, counter: keyof Counters): number | undefined {
  const [then, current] = [before[counter], now[counter]];
  return then === undefined || current === undefined || current < then ? undefined : current - then;
}

/**
 * QEMU counts a request larger than `size_iops_sec` as several of that size, and a smaller one as one (util/throttle.c,
 * throttle_account). Computed from totals this is a lower bound, exact if all requests are larger or none is.
 */
function counted(
  requests: number | undefined,
  bytes: number | undefined,
  requestBytes: number,
): number | undefined {
  if (requests === undefined || bytes === undefined || requestBytes <= 0) return requests;
  return Math.max(requests, bytes / requestBytes);
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce<number | undefined>(
    (all, value) => (all === undefined || value === undefined ? undefined : all + value),
    0,
  );
}
