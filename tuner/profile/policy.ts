import { CpuSet } from '../../model/cpu-set.ts';
import type { ThreadPolicy } from '../placement/types.ts';
import { parseTopology } from '../settings/cpu.ts';
import { cpuNumbers, parseSize } from '../settings/values.ts';
import { knobValue, type Profile } from './profile.ts';
import type { Figure } from './rule.ts';
import { choice, count, orDefault, orWord, text, ValueError, type ValueKind, whole } from './values.ts';

// The knobs that together decide the place and shape of a guest. Placement needs them before anything is resolved, so
// their values are declared here, once.

export const pinning = choice('dedicated', 'cell', 'none');
export const threads = choice('require', 'prefer', 'isolate');
export const helperPinning = choice('placed', 'none');
export const helperCpus = whole({ max: 64 });
/** vCPUs by number: `2-7`, or all but some, `^0-1` (Nova's hw:cpu_realtime_mask, hw:cpu_dedicated_mask). */
export const vcpuMask: ValueKind<VcpuMask> = {
  help: 'vCPU numbers (`2-7`), or all except some (`^0-1`)',
  parse: (raw) => {
    const text = typeof raw === 'number' ? String(raw) : raw;
    const [, except, list] = typeof text === 'string' ? (/^(\^?)(\d[\d,-]*)$/.exec(text) ?? []) : [];
    const vcpus = list === undefined ? CpuSet.empty : cpuNumbers(list);
    if (vcpus.size === 0) {
      throw new ValueError(
        `${JSON.stringify(raw)} does not select vCPUs; write for example "2-7", or "^0-1" for all except these`,
      );
    }
    return { except: except === '^', vcpus };
  },
};

export interface VcpuMask {
  /** The vCPUs listed are the ones excluded. */
  readonly except: boolean;
  readonly vcpus: CpuSet;
}

export const inMask = (mask: VcpuMask | undefined, vcpu: number): boolean =>
  mask === undefined || mask.vcpus.has(vcpu) !== mask.except;

export const numaMode = choice('strict', 'preferred', 'interleave', 'restrictive', 'none');
const cellList: ValueKind<CpuSet> = {
  help: 'a list of cells (`0-1`)',
  parse: (raw) => {
    const cells = typeof raw === 'string' && /^\d[\d,-]*$/.test(raw) ? cpuNumbers(raw) : CpuSet.empty;
    if (cells.size === 0)
      throw new ValueError(`${JSON.stringify(raw)} is not a list of cells; write for example "0-1"`);
    return cells;
  },
};
export const numaNodes = orWord(cellList, 'placed');
export const guestCellCount = orWord(whole({ min: 1, max: 128 }), 'auto', 'none');
export const topology = orWord(
  text('`sockets=1 dies=1 cores=4 threads=2`', (raw) => parseTopology(raw) !== undefined),
  'auto',
);
export const ioThreadCount = count({ max: 64 });
export const diskCache = orDefault(choice('none', 'writeback', 'writethrough', 'directsync', 'unsafe'));
export const diskIoThread = choice('spread', 'mapped', 'auto', 'none');

const PAGE_HELP = 'a size (`2 MiB`, `1 GiB`), or a list with one size per guest cell';

/** Sizes by guest cell; the last applies to the remaining cells. */
const pageSizes: ValueKind<readonly number[]> = {
  help: PAGE_HELP,
  parse: (raw) => {
    const list: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
    if (list.length === 0)
      throw new ValueError(`${JSON.stringify(raw)} has no page size; write for example "2 MiB"`);
    return list.map((each) => {
      const kib = typeof each === 'string' ? parseSize(each) : undefined;
      if (kib === undefined || kib < 64 || !Number.isInteger(Math.log2(kib))) {
        throw new ValueError(
          `${JSON.stringify(each)} is not a size of huge pages; write for example "2 MiB"`,
        );
      }
      return kib;
    });
  },
};
export const pages = orWord(pageSizes, 'largest', 'default');

/** A profile's policy for a guest's place and shape; undefined: unchanged. */
export interface Policy {
  readonly pinning: 'dedicated' | 'cell' | 'none' | undefined;
  readonly threads: ThreadPolicy;
  /** vCPUs that get dedicated CPUs in a VM with `dedicated`; the others share. Absent: all. */
  readonly dedicatedVcpus: VcpuMask | undefined;
  readonly emulatorCpus: number;
  readonly ioThreadCpus: number;
  readonly numaMode: 'strict' | 'preferred' | 'interleave' | 'restrictive' | 'none' | undefined;
  /** Set only if memory should not be on the vCPUs' cells. */
  readonly numaNodes: CpuSet | undefined;
  readonly guestCells: number | 'auto' | 'none' | undefined;
  readonly topology: string | undefined;
  readonly pages: 'largest' | 'default' | readonly number[] | undefined;
  readonly ioThreadCount: Figure | undefined;
  readonly diskIoThread: 'spread' | 'mapped' | 'auto' | 'none' | undefined;
  /** vCPUs that the scheduling class applies to; absent: all. */
  readonly realtimeVcpus: VcpuMask | undefined;
  /** The cache mode of disks, if the profile sets the same one for all of them. */
  readonly diskCache: string | undefined;
}

export function policyOf(profile: Profile): Policy {
  const nodes = knobValue(profile, 'numa.nodes', numaNodes);
  return {
    pinning: knobValue(profile, 'cpu.pinning', pinning),
    threads: knobValue(profile, 'cpu.threads', threads) ?? 'prefer',
    dedicatedVcpus: knobValue(profile, 'cpu.dedicatedVcpus', vcpuMask),
    emulatorCpus: knobValue(profile, 'emulator.cpus', helperCpus) ?? 0,
    ioThreadCpus: knobValue(profile, 'iothread.cpus', helperCpus) ?? 0,
    numaMode: knobValue(profile, 'numa.memory', numaMode),
    numaNodes: nodes === 'placed' ? undefined : nodes,
    guestCells: knobValue(profile, 'numa.cells', guestCellCount),
    topology: knobValue(profile, 'cpu.topology', topology),
    pages: knobValue(profile, 'memory.pages', pages),
    ioThreadCount: knobValue(profile, 'iothread.count', ioThreadCount),
    diskIoThread: knobValue(profile, 'disk.iothread', diskIoThread),
    realtimeVcpus: knobValue(profile, 'cpu.realtimeVcpus', vcpuMask),
    diskCache: knobValue(profile, 'disk.cache', diskCache),
  };
}
