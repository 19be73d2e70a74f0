import type { HostFigures } from './host.ts';

/** Something that the host did not tell, and why. Both are few and fixed, so that they can be labels. */
export interface MissingPart {
  readonly part: 'cpu' | 'memory' | 'topology' | 'ksm' | 'load' | 'swap' | 'pressure' | 'numa_cpu';
  readonly reason: HostReason;
}

export type HostReason =
  /** virtune does not run on the host, or was told not to read there. */
  | 'not_local'
  /** The host's kernel does not count it. */
  | 'not_supported'
  /** libvirt did not answer, or its driver cannot. */
  | 'no_answer';

/** Why figures that a host has are not there. */
export function missingOfHost({ cpuNs, memoryKiB, topology, ksm, local, cells }: HostFigures): MissingPart[] {
  const missing: MissingPart[] = [];
  const note = (part: MissingPart['part'], isThere: boolean, reason: HostReason): void => {
    if (!isThere) missing.push({ part, reason });
  };
  note('cpu', cpuNs.size > 0, 'no_answer');
  note('memory', memoryKiB.size > 0, 'no_answer');
  note('topology', topology !== undefined, 'no_answer');
  note('ksm', ksm.size > 0, 'not_supported');
  const here = local === undefined ? 'not_local' : 'not_supported';
  note('load', local?.load !== undefined, here);
  note('swap', local?.meminfoKiB.has('SwapTotal') === true, here);
  note('pressure', (local?.pressure.size ?? 0) > 0, here);
  if (topology !== undefined) {
    note(
      'numa_cpu',
      cells.some((cell) => cell.cpuNs.size > 0),
      here,
    );
  }
  return missing;
}
