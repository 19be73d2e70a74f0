import type { DiskSeries, HostObservation, ObservedVm } from '../../advice/observation.ts';
import { Residency } from '../../advice/residency.ts';
import { Series } from '../../advice/series.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFeatures } from '../../model/domain/features.ts';

const SAMPLES = 8;
const KIB_PER_GIB = 1_048_576;

export const every = (value: number): Series => Series.of(Array.from({ length: SAMPLES }, () => value));

/** vCPUs with the same pins, and their total usage and waiting, in CPUs. */
export interface MadePlace {
  readonly vcpus: number;
  readonly pins?: string;
  readonly run: number;
  readonly delay?: number;
}

export interface MadeVm {
  readonly places: readonly MadePlace[];
  readonly quota?: {
    readonly vcpuCpus?: number;
    readonly globalCpus?: number;
    readonly vcpuPeriodUs?: number;
    readonly globalPeriodUs?: number;
  };
  /** `<numatune>` and `<memnode>`. */
  readonly memory?: {
    readonly numaMode?: string;
    readonly numaNodeset?: CpuSet;
    readonly memNodes?: ReadonlyMap<number, CpuSet>;
    readonly hugepages?: unknown;
    readonly locked?: boolean;
  };
  /** Features of its definition that limit migration and ballooning. */
  readonly features?: Partial<DomainFeatures>;
  /** Shares of throttled quota periods. */
  readonly throttled?: Series;
  /** Commits like a database. */
  readonly isDatabase?: boolean;
  /** GiB: maximum memory, balloon size, swap-in in KiB/s, and the usable share. */
  readonly gib?: number;
  readonly currentGib?: number;
  /** GiB of its QEMU process that are resident; by default all of its memory. */
  readonly rssGib?: number | 'unknown';
  readonly swapInKiB?: number;
  readonly usable?: number;
}

let id = 0;

/** A VM after a window of identical samples. */
export function vmOf(name: string, made: MadeVm): ObservedVm {
  const { places, quota, memory, throttled = new Series(), isDatabase = false, gib = 8 } = made;
  const { currentGib = gib, rssGib = currentGib } = made;
  const vcpus = places.reduce((sum, each) => sum + each.vcpus, 0);
  const run = places.reduce((sum, each) => sum + each.run, 0);
  const delay = places.reduce((sum, each) => sum + (each.delay ?? 0), 0);
  const facts = {
    cpu: { vcpuPins: pinsOf(places), cpuSet: undefined, cells: [], quota },
    memory: { maximumKiB: gib * KIB_PER_GIB, locked: false, ...memory },
    features: made.features ?? {},
    disks: [],
    interfaces: [],
  };
  const uuid = `${String(++id).padStart(8, '0')}-0000-4000-8000-000000000000`;
  const sample = {
    domain: { uuid, name, id },
    summary: {
      vcpus,
      maximumKiB: gib * KIB_PER_GIB,
      memoryKiB: currentGib * KIB_PER_GIB,
      rssKiB: rssGib === 'unknown' ? undefined : rssGib * KIB_PER_GIB,
      marks: { persistent: true },
    },
    facts,
    outcome: { kind: 'late' },
  };
  return {
    uuid,
    name,
    sample,
    facts,
    running: true,
    vcpus,
    places: places.map((each) => ({
      cpus: each.pins === undefined ? undefined : CpuSet.parse(each.pins),
      vcpus: each.vcpus,
      runCpus: every(each.run),
      delayCpus: every(each.delay ?? 0),
    })),
    runCpus: every(run),
    delayCpus: every(delay),
    steal: every(delay / vcpus),
    contention: every(run + delay === 0 ? 0 : delay / (run + delay)),
    usedCpus: every(run),
    throttled,
    disks: new Map(isDatabase ? [['vda', committing()]] : []),
    nics: new Map(),
    guest: {
      swapInKiB: every(made.swapInKiB ?? 0),
      majorFaults: every(0),
      usableShare: every(made.usable ?? 0.5),
    },
    missing: new Map(),
  } as unknown as ObservedVm;
}

function pinsOf(places: readonly MadePlace[]): Map<number, CpuSet> {
  let vcpu = 0;
  return new Map(
    places.flatMap(({ vcpus, pins }) =>
      Array.from({ length: vcpus }, () => vcpu++).flatMap((each) =>
        pins === undefined ? [] : [[each, CpuSet.parse(pins)] as const],
      ),
    ),
  );
}

function committing(): DiskSeries {
  return {
    requests: every(400),
    flushes: every(200),
    bytes: every(400 * 8_192),
    latencyMs: every(1),
    flushLatencyMs: every(1),
    inFlight: every(0.1),
    errors: every(0),
    limitUse: new Series(),
  };
}

/** A host of 8 CPUs in two cells, 0-3 and 4-7, without SMT, and 128 GiB. */
export function hostOf(
  vms: readonly ObservedVm[],
  over: {
    readonly cpus?: number;
    readonly hostCpus?: number;
    readonly freeGib?: number;
    readonly shares?: ReadonlyMap<string, number>;
    readonly memoryPressure?: number;
    /** Pages per second, and whether tasks wait for them. */
    readonly swapIn?: number;
    readonly isHurtBySwap?: boolean;
    /** Lists of CPUs. */
    readonly isolated?: string;
    readonly vmCpus?: string;
  } = {},
): HostObservation {
  const { cpus = 8, hostCpus = 0, freeGib = 32, shares, memoryPressure = 0, isolated, vmCpus } = over;
  const { swapIn = 0, isHurtBySwap = false } = over;
  const all = Array.from({ length: cpus }, (_, cpu) => cpu);
  const cellOf = new Map(all.map((cpu) => [cpu, Math.floor((2 * cpu) / cpus)]));
  const used = vms.reduce((sum, { usedCpus }) => sum + (usedCpus.mean ?? 0), 0);
  return {
    uri: 'qemu:///system',
    samples: SAMPLES,
    fromMs: 0,
    toMs: 14_000,
    newest: {
      startedAtMs: 14_000,
      domains: [],
      host: {
        memoryKiB: new Map([
          ['total', 128 * KIB_PER_GIB],
          ['free', freeGib * KIB_PER_GIB],
        ]),
        ksm: new Map(),
        pools: [],
        cells: [],
        topology: {
          cells: [0, 1].map((cell) => ({
            id: cell,
            pages: [{ sizeKiB: 4, total: 0 }],
            cpus: all
              .filter((cpu) => cellOf.get(cpu) === cell)
              .map((cpu) => ({ id: cpu, siblings: CpuSet.of([cpu]) })),
          })),
        },
      },
    },
    cpus: CpuSet.of(all),
    isolated: isolated === undefined ? undefined : CpuSet.parse(isolated),
    vmCpus: vmCpus === undefined ? undefined : CpuSet.parse(vmCpus),
    cellOf,
    host: {
      busyCpus: every(used + hostCpus),
      memoryPressure: every(memoryPressure),
      ioPressure: every(isHurtBySwap ? 0.05 : 0),
      swapInPages: every(swapIn),
      swapHurts: every(isHurtBySwap ? 1 : 0),
    },
    vms,
    residency: new Residency(),
    cpuShares: shares,
  } as unknown as HostObservation;
}

/** `cpu_shares` of these VMs, 1024 by default. */
export const sharesOf = (vms: readonly ObservedVm[], over: Readonly<Record<string, number>> = {}) =>
  new Map(vms.map(({ uuid, name }) => [uuid, over[name] ?? 1_024]));
