import type { CallReason, HostFigures, HostPart } from './host.ts';

/** Something that the host did not report, and why. Both are small fixed sets, so that they can be labels. */
export interface MissingPart {
  readonly part: MissingPartName;
  readonly reason: HostReason;
}

/** Parts that only the host's own /proc provides. */
const LOCAL_PARTS = ['load', 'swap', 'pressure', 'numa_cpu', 'memory_available'] as const;
export type MissingPartName = HostPart | (typeof LOCAL_PARTS)[number];
export const LOCAL_PART_NAMES: readonly MissingPartName[] = LOCAL_PARTS;

export const HOST_REASONS = ['not_local', 'not_supported', 'no_answer'] as const;
export type HostReason =
  | CallReason
  /** virtune does not run on the host, or is configured not to read there. */
  | 'not_local'
  /** The host's kernel does not count it. */
  | 'not_supported'
  /** libvirt answered, but without this. */
  | 'no_answer';

/** Why figures that a host normally has are missing. */
export function missingOfHost(host: HostFigures): MissingPart[] {
  const { cpuNs, memoryKiB, topology, ksm, local, cells, parts } = host;
  const missing = new Map<MissingPartName, HostReason>();
  const note = (part: MissingPartName, isThere: boolean, reason: HostReason): void => {
    if (!isThere) missing.set(part, reason);
  };
  for (const [part, { ageMs, reason }] of parts ?? []) note(part, ageMs !== undefined, reason ?? 'no_answer');
  const asked = (part: HostPart): HostReason => parts?.get(part)?.reason ?? 'no_answer';
  note('cpu', cpuNs.size > 0, asked('cpu'));
  note('memory', memoryKiB.size > 0, asked('memory'));
  note('topology', topology !== undefined, asked('topology'));
  note('ksm', ksm.size > 0, parts === undefined ? 'not_supported' : asked('ksm'));
  const here = local === undefined ? 'not_local' : 'not_supported';
  note('load', local?.load !== undefined, here);
  note('swap', local?.meminfoKiB.has('SwapTotal') === true, here);
  note('pressure', (local?.pressure.size ?? 0) > 0, here);
  note('memory_available', availableKiB(host) !== undefined, here);
  if (topology !== undefined) {
    note(
      'numa_cpu',
      cells.some((cell) => cell.cpuNs.size > 0),
      here,
    );
  }
  return [...missing].map(([part, reason]) => ({ part, reason }));
}

/** Memory that the host could provide without swapping, from /proc/meminfo, or from libvirt since 12.3. */
export function availableKiB({ local, memoryKiB }: HostFigures): number | undefined {
  return local?.meminfoKiB.get('MemAvailable') ?? memoryKiB.get('available');
}

/** Parts shown from an older answer because no newer one has arrived, with the reason. */
export function staleParts({ parts }: HostFigures): { part: HostPart; ageMs: number; reason: CallReason }[] {
  return [...(parts ?? [])].flatMap(([part, { ageMs, reason }]) =>
    ageMs === undefined || reason === undefined ? [] : [{ part, ageMs, reason }],
  );
}
