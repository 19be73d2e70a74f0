import { CpuSet } from '../model/cpu-set.ts';
import { type DomainFacts, parseDomain } from '../model/domain/domain.ts';
import { type PageDemand, pageDemandsOf } from '../model/page-demand.ts';
import type { VmSpec } from './scenario.ts';

const KIB_PER_MIB = 1_024;
/** Of a disk that a scenario knows nothing of. */
const DISK_GIB = 10;

export interface VmDisk {
  readonly target: string;
  readonly path: string;
  readonly format: string;
  readonly sizeGiB: number;
  readonly cache: string | undefined;
  readonly io: string | undefined;
  readonly ioThread: number | undefined;
  readonly queues: number | undefined;
}

/** What one of a VM's descriptions says of it, as far as the simulated world acts on it. */
export interface VmFacts {
  readonly vcpusMaximum: number;
  readonly vcpusCurrent: number;
  readonly cpuSet: CpuSet | undefined;
  readonly vcpuPins: ReadonlyMap<number, CpuSet>;
  readonly emulatorPin: CpuSet | undefined;
  readonly ioThreads: readonly number[];
  readonly ioThreadPins: ReadonlyMap<number, CpuSet>;
  readonly maximumKiB: number;
  readonly currentKiB: number;
  readonly balloonPeriodSeconds: number;
  /** `strict` where cells are named and nothing else is said. */
  readonly numaMode: string | undefined;
  /** The host's cells that its memory is held to. */
  readonly numaCells: CpuSet | undefined;
  readonly memNodes: ReadonlyMap<number, CpuSet>;
  readonly pages: readonly PageDemand[];
  readonly disks: readonly VmDisk[];
  /** Addresses of its NICs. */
  readonly nics: readonly string[];
}

export function diskPath(vmName: string, target: string, format: string): string {
  return `/var/lib/libvirt/images/${vmName}-${target}.${format === 'raw' ? 'img' : 'qcow2'}`;
}

export function macOf(seed: number, index: number): string {
  return [0x52, 0x54, 0, seed & 0xff, (seed >> 8) & 0xff, index]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');
}

/** The same that `factsOfXml` reads from the XML that is made of the spec, without making any. */
export function factsOfSpec(spec: VmSpec, seed: number): VmFacts {
  const maximumKiB = spec.memoryMiB * KIB_PER_MIB;
  const numaCells = spec.numaNode === undefined ? undefined : CpuSet.of([spec.numaNode]);
  return {
    vcpusMaximum: spec.vcpus,
    vcpusCurrent: spec.vcpus,
    cpuSet: undefined,
    vcpuPins: new Map(spec.pins?.map((pin, vcpu) => [vcpu, CpuSet.parse(pin)])),
    emulatorPin: undefined,
    ioThreads: Array.from({ length: spec.ioThreads }, (_, index) => index + 1),
    ioThreadPins: new Map(),
    maximumKiB,
    currentKiB: maximumKiB,
    balloonPeriodSeconds: spec.balloonPeriodSeconds,
    numaMode: numaCells === undefined ? undefined : 'strict',
    numaCells,
    memNodes: new Map(),
    pages:
      spec.hugepagesKiB === undefined
        ? []
        : [
            {
              sizeKiB: spec.hugepagesKiB,
              pages: Math.ceil(maximumKiB / spec.hugepagesKiB),
              cells: numaCells,
            },
          ],
    disks: spec.disks.map(({ target, format, sizeGiB, cache, io, ioThread }) => ({
      target,
      path: diskPath(spec.name, target, format),
      format,
      sizeGiB,
      cache,
      io,
      ioThread,
      queues: undefined,
    })),
    nics: Array.from({ length: spec.nics }, (_, index) => macOf(seed, index)),
  };
}

/** `spec`: of the VM that it describes, for what the XML does not contain: how large its images are. */
export function factsOfXml(xml: string, spec: VmSpec): VmFacts {
  const facts: DomainFacts = parseDomain(xml);
  const { cpu, memory } = facts;
  const maximumKiB = memory.maximumKiB ?? 0;
  return {
    vcpusMaximum: cpu.vcpusMaximum ?? 1,
    vcpusCurrent: cpu.vcpusCurrent ?? 1,
    cpuSet: cpu.cpuSet,
    vcpuPins: cpu.vcpuPins,
    emulatorPin: cpu.emulatorPin,
    ioThreads: cpu.ioThreads,
    ioThreadPins: cpu.ioThreadPins,
    maximumKiB,
    currentKiB: memory.currentKiB ?? maximumKiB,
    balloonPeriodSeconds: memory.balloonPeriodSeconds ?? 0,
    numaMode: memory.numaMode,
    numaCells: memory.numaNodeset,
    memNodes: memory.memNodes,
    pages: pageDemandsOf(facts),
    disks: facts.disks.map(({ target, source, format, cache, io, ioThreads, queues }) => {
      const path = source?.name ?? '';
      const known = spec.disks.find((disk) => diskPath(spec.name, disk.target, disk.format) === path);
      return {
        target,
        path,
        format: format ?? 'raw',
        sizeGiB: known?.sizeGiB ?? DISK_GIB,
        cache,
        io,
        ioThread: ioThreads?.[0],
        queues,
      };
    }),
    nics: facts.interfaces.map(({ mac }) => mac ?? ''),
  };
}
