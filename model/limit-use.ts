import type { BlockStats } from './stats/types.ts';

type Counters = Pick<BlockStats, 'readBytes' | 'writeBytes' | 'readRequests' | 'writeRequests'>;

/** Limits by libvirt's name in the XML, what they are called here, and the counter that each one holds. */
const LIMITS = [
  ['total_bytes_sec', 'total_bytes', ({ readBytes, writeBytes }) => sum(readBytes, writeBytes)],
  ['read_bytes_sec', 'read_bytes', ({ readBytes }) => readBytes],
  ['write_bytes_sec', 'write_bytes', ({ writeBytes }) => writeBytes],
  ['total_iops_sec', 'total_requests', ({ readRequests, writeRequests }) => sum(readRequests, writeRequests)],
  ['read_iops_sec', 'read_requests', ({ readRequests }) => readRequests],
  ['write_iops_sec', 'write_requests', ({ writeRequests }) => writeRequests],
] as const satisfies readonly (readonly [
  field: string,
  limit: string,
  counter: (stats: Counters) => number | undefined,
])[];

/** What limits are called here. */
export const LIMIT_NAMES = LIMITS.map(([, name]) => name);

/** Share of each limit that was used, by limit. */
export type LimitUse = ReadonlyMap<string, number>;

/** Whether a limit of a kind that virtune measures is set; libvirt reports 0 where there is none. */
export function isLimited(limits: ReadonlyMap<string, number>): boolean {
  return LIMITS.some(([field]) => (limits.get(field) ?? 0) > 0);
}

/** What was used between two readings; a counter that fell was reset and gives no figure. */
export function limitUse(
  limits: ReadonlyMap<string, number>,
  before: Counters,
  now: Counters,
  elapsedMs: number,
): LimitUse {
  const used = new Map<string, number>();
  for (const [field, name, counter] of LIMITS) {
    const limit = limits.get(field) ?? 0;
    const [then, current] = [counter(before), counter(now)];
    if (limit <= 0 || elapsedMs <= 0 || then === undefined || current === undefined || current < then)
      continue;
    used.set(name, ((current - then) * 1_000) / elapsedMs / limit);
  }
  return used;
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
