import { CpuSet } from '../model/cpu-set.ts';
import { type DomainFacts, parseDomain } from '../model/domain/domain.ts';
import { type PageDemand, pageDemandsOf } from '../model/page-demand.ts';
import { attr, child, children, parseXml } from '../model/xml.ts';
import { knows, type Release } from './release.ts';
import type { VmSpec } from './scenario.ts';

const KIB_PER_MIB = 1_024;
/** Size of a disk that is not in the scenario. */
const DISK_GIB = 10;
/** Default in cgroup v1, which the simulated host uses. */
const DEFAULT_SHARES = 1_024;

export interface VmDisk {
  readonly target: string;
  readonly path: string;
  readonly format: string;
  readonly sizeGiB: number;
  readonly cache: string | undefined;
  readonly io: string | undefined;
  readonly ioThread: number | undefined;
  readonly queues: number | undefined;
  /** For reads and writes together; infinite without a limit. */
  readonly limits: DiskLimits;
  readonly measured: DiskMeasures;
}

/** Attributes of `<poll>`. */
export type PollAttribute = 'max' | 'grow' | 'shrink' | 'weight';
export type Polling = Record<PollAttribute, number>;

/** QEMU's throttling limits of a disk, per second. */
export interface DiskLimits {
  readonly bytes: number;
  readonly requests: number;
}

/** What QEMU measures of a disk in addition to its counters. */
export interface DiskMeasures {
  /** Window lengths, seconds. */
  readonly windowsSeconds: readonly number[];
  /** Lower bounds of bins, ns, by operation. */
  readonly binsNs: ReadonlyMap<DiskOperation, readonly number[]>;
}

const DISK_OPERATIONS = ['read', 'write', 'zone', 'flush'] as const;
export type DiskOperation = (typeof DISK_OPERATIONS)[number];

/** Properties in one of a VM's descriptions that affect the simulation. */
export interface VmFacts {
  readonly vcpusMaximum: number;
  readonly vcpusCurrent: number;
  readonly cpuSet: CpuSet | undefined;
  readonly vcpuPins: ReadonlyMap<number, CpuSet>;
  /** CPU weight relative to other VMs; 1 by default. */
  readonly cpuWeight: number;
  /** Maximum CPUs of each vCPU, and of all together. */
  readonly quota: { readonly vcpu: number | undefined; readonly all: number | undefined };
  readonly emulatorPin: CpuSet | undefined;
  readonly ioThreads: readonly number[];
  readonly ioThreadPins: ReadonlyMap<number, CpuSet>;
  /** Polling parameters set in its XML. */
  readonly polling: ReadonlyMap<number, Partial<Polling>>;
  readonly maximumKiB: number;
  readonly currentKiB: number;
  readonly balloonPeriodSeconds: number;
  /** `strict` when cells are given without a mode. */
  readonly numaMode: string | undefined;
  /** Host cells that its memory is bound to. */
  readonly numaCells: CpuSet | undefined;
  readonly memNodes: ReadonlyMap<number, CpuSet>;
  readonly pages: readonly PageDemand[];
  readonly disks: readonly VmDisk[];
  /** MAC addresses of its NICs. */
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

/** The maximum memory, that of the first guest cell, that of a virtio-mem device, and the plugged total. */
export function memoryOf({ memoryMiB, virtioMem }: VmSpec): {
  readonly maximumKiB: number;
  readonly cellKiB: number;
  readonly deviceKiB: number;
  readonly pluggedKiB: number;
  readonly currentKiB: number;
} {
  const maximumKiB = memoryMiB * KIB_PER_MIB;
  const deviceKiB = (virtioMem?.sizeMiB ?? 0) * KIB_PER_MIB;
  const pluggedKiB = (virtioMem?.requestedMiB ?? 0) * KIB_PER_MIB;
  const cellKiB = maximumKiB - deviceKiB;
  return { maximumKiB, cellKiB, deviceKiB, pluggedKiB, currentKiB: cellKiB + pluggedKiB };
}

/** Equal to `factsOfXml` of the XML generated from the spec, but without generating it. */
export function factsOfSpec(spec: VmSpec, seed: number, release: Release): VmFacts {
  const { maximumKiB, currentKiB } = memoryOf(spec);
  const numaCells = spec.numaNode === undefined ? undefined : CpuSet.of([spec.numaNode]);
  return {
    vcpusMaximum: spec.vcpus,
    vcpusCurrent: spec.vcpus,
    cpuSet: undefined,
    vcpuPins: new Map(spec.pins?.map((pin, vcpu) => [vcpu, CpuSet.parse(pin)])),
    cpuWeight: 1,
    quota: { vcpu: spec.vcpuQuota, all: undefined },
    emulatorPin: undefined,
    ioThreads: Array.from({ length: spec.ioThreads }, (_, index) => index + 1),
    ioThreadPins: new Map(),
    polling: new Map(),
    maximumKiB,
    currentKiB,
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
    disks: spec.disks.map(
      ({ target, format, sizeGiB, cache, io, ioThread, windowsSeconds, latencyBinsNs }) => ({
        target,
        path: diskPath(spec.name, target, format),
        format,
        sizeGiB,
        cache,
        io,
        ioThread,
        queues: undefined,
        limits: UNLIMITED,
        measured: {
          windowsSeconds: knows(release, 'blockWindows') ? (windowsSeconds ?? []) : [],
          binsNs:
            latencyBinsNs !== undefined && knows(release, 'blockLatency') ? forAll(latencyBinsNs) : new Map(),
        },
      }),
    ),
    nics: Array.from({ length: spec.nics }, (_, index) => macOf(seed, index)),
  };
}

/** `spec`: of the same VM, for what the XML does not contain: image sizes. */
export function factsOfXml(xml: string, spec: VmSpec): VmFacts {
  const facts: DomainFacts = parseDomain(xml);
  const measures = measuresOf(xml);
  const { cpu, memory } = facts;
  const maximumKiB = memory.maximumKiB ?? 0;
  return {
    vcpusMaximum: cpu.vcpusMaximum ?? 1,
    vcpusCurrent: cpu.vcpusCurrent ?? 1,
    cpuSet: cpu.cpuSet,
    vcpuPins: cpu.vcpuPins,
    cpuWeight: (cpu.shares ?? DEFAULT_SHARES) / DEFAULT_SHARES,
    quota: { vcpu: cpu.quota?.vcpuCpus, all: cpu.quota?.globalCpus },
    emulatorPin: cpu.emulatorPin,
    ioThreads: cpu.ioThreads,
    ioThreadPins: cpu.ioThreadPins,
    polling: pollingOf(xml),
    maximumKiB,
    currentKiB: memory.currentKiB ?? maximumKiB,
    balloonPeriodSeconds: memory.balloonPeriodSeconds ?? 0,
    numaMode: memory.numaMode,
    numaCells: memory.numaNodeset,
    memNodes: memory.memNodes,
    pages: pageDemandsOf(facts),
    disks: facts.disks.map(({ target, source, format, cache, io, ioThreads, queues, limits }) => {
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
        limits: {
          bytes: limits.get('total_bytes_sec') || Number.POSITIVE_INFINITY,
          requests: limits.get('total_iops_sec') || Number.POSITIVE_INFINITY,
        },
        measured: measures.get(target) ?? NOTHING,
      };
    }),
    nics: facts.interfaces.map(({ mac }) => mac ?? ''),
  };
}

const UNLIMITED: DiskLimits = { bytes: Number.POSITIVE_INFINITY, requests: Number.POSITIVE_INFINITY };

const NOTHING: DiskMeasures = { windowsSeconds: [], binsNs: new Map() };

const forAll = (starts: readonly number[]): ReadonlyMap<DiskOperation, readonly number[]> =>
  new Map(DISK_OPERATIONS.map((operation) => [operation, starts]));

/**
 * The `<statistics>` of a domain's disks, by target. A histogram without a type applies to all operations without a
 * histogram.
 */
function measuresOf(xml: string): Map<string, DiskMeasures> {
  const found = new Map<string, DiskMeasures>();
  if (!xml.includes('<statistics>')) return found;
  for (const disk of children(child(parseXml('a domain', xml, 'domain'), 'devices'), 'disk')) {
    const statistics = child(disk, 'driver', 'statistics');
    const windowsSeconds = children(statistics, 'statistic').map((each) => Number(attr(each, 'interval')));
    let binsNs: ReadonlyMap<DiskOperation, readonly number[]> = new Map();
    for (const histogram of children(statistics, 'latency-histogram')) {
      const starts = children(histogram, 'bin').map((bin) => Number(attr(bin, 'start')));
      const type = DISK_OPERATIONS.find((operation) => operation === attr(histogram, 'type'));
      binsNs =
        type === undefined ? new Map([...forAll(starts), ...binsNs]) : new Map(binsNs).set(type, starts);
    }
    found.set(attr(child(disk, 'target'), 'dev') ?? '', { windowsSeconds, binsNs });
  }
  return found;
}

function pollingOf(xml: string): Map<number, Partial<Polling>> {
  const found = new Map<number, Partial<Polling>>();
  if (!xml.includes('<poll ')) return found;
  for (const thread of children(child(parseXml('a domain', xml, 'domain'), 'iothreadids'), 'iothread')) {
    const said = [...(child(thread, 'poll')?.attributes ?? [])].map(({ name, value }) => [
      name,
      Number(value),
    ]);
    found.set(Number(attr(thread, 'id')), Object.fromEntries(said) as Partial<Polling>);
  }
  return found;
}
