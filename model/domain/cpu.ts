import { CpuSet } from '../cpu-set.ts';
import { attr, child, children, type Element, elementKiB, sizeKiB, text, wholeNumber } from '../xml.ts';

export interface GuestCell {
  readonly id: number;
  readonly cpus: CpuSet;
  readonly memoryKiB: number | undefined;
}

export interface GuestTopology {
  readonly sockets: number;
  readonly dies: number;
  readonly cores: number;
  readonly threads: number;
}

/** CPUs (quota / period) that the kernel lets the VM use at most; each absent where there is no limit. */
export interface CpuQuota {
  /** Of each vCPU. */
  readonly vcpuCpus: number | undefined;
  /** Of all threads of the VM together. */
  readonly globalCpus: number | undefined;
  /** Microseconds; the period of a vCPU's quota. */
  readonly vcpuPeriodUs: number;
  readonly globalPeriodUs: number;
}

export interface CpuFacts {
  readonly vcpusMaximum: number | undefined;
  readonly vcpusCurrent: number | undefined;
  /** `vcpu@cpuset`: where vCPUs without a <vcpupin> may run. */
  readonly cpuSet: CpuSet | undefined;
  readonly mode: string | undefined;
  readonly model: string | undefined;
  readonly topology: GuestTopology | undefined;
  readonly cells: readonly GuestCell[];
  readonly vcpuPins: ReadonlyMap<number, CpuSet>;
  readonly emulatorPin: CpuSet | undefined;
  readonly ioThreadPins: ReadonlyMap<number, CpuSet>;
  /** Ids, which may have gaps. */
  readonly ioThreads: readonly number[];
  /** CPU weight relative to other VMs under contention (cgroup CPU shares); absent where the XML sets none. */
  readonly shares?: number | undefined;
  /** Absent where the XML sets none, and in recordings of older versions. */
  readonly quota?: CpuQuota | undefined;
  /** Which resctrl monitors the XML configures. */
  readonly monitored: { readonly cache: boolean; readonly bandwidth: boolean; readonly energy: boolean };
}

export function parseCpuFacts(domain: Element): CpuFacts {
  const vcpu = child(domain, 'vcpu');
  const cpu = child(domain, 'cpu');
  const tune = child(domain, 'cputune');
  const vcpusMaximum = wholeNumber(text(vcpu));
  return {
    vcpusMaximum,
    vcpusCurrent: wholeNumber(attr(vcpu, 'current')) ?? vcpusMaximum,
    cpuSet: maybeCpuSet(attr(vcpu, 'cpuset')),
    mode: attr(cpu, 'mode'),
    model: text(child(cpu, 'model')),
    topology: topology(child(cpu, 'topology')),
    cells: children(child(cpu, 'numa'), 'cell').map((cell, index) => ({
      id: wholeNumber(attr(cell, 'id')) ?? index,
      cpus: maybeCpuSet(attr(cell, 'cpus')) ?? CpuSet.empty,
      memoryKiB: sizeKiB(attr(cell, 'memory'), attr(cell, 'unit')) ?? elementKiB(child(cell, 'memory')),
    })),
    vcpuPins: pins(children(tune, 'vcpupin'), 'vcpu'),
    emulatorPin: maybeCpuSet(attr(child(tune, 'emulatorpin'), 'cpuset')),
    ioThreadPins: pins(children(tune, 'iothreadpin'), 'iothread'),
    ioThreads: ioThreads(domain),
    shares: wholeNumber(text(child(tune, 'shares'))),
    quota: cpuQuota(tune),
    monitored: {
      cache: children(tune, 'cachetune').some((each) => child(each, 'monitor') !== undefined),
      bandwidth: children(tune, 'memorytune').some((each) => child(each, 'monitor') !== undefined),
      energy: children(tune, 'energytune').some((each) => child(each, 'monitor') !== undefined),
    },
  };
}

/** libvirt's default (formatdomain, CPU Tuning). */
const PERIOD_US = 100_000;

function cpuQuota(tune: Element | undefined): CpuQuota | undefined {
  const read = (name: string): number | undefined => wholeNumber(text(child(tune, name)));
  const vcpuPeriodUs = read('period') || PERIOD_US;
  const globalPeriodUs = read('global_period') || PERIOD_US;
  const [vcpu, global] = [read('quota') ?? 0, read('global_quota') ?? 0];
  if (vcpu <= 0 && global <= 0) return undefined;
  return {
    vcpuCpus: vcpu > 0 ? vcpu / vcpuPeriodUs : undefined,
    globalCpus: global > 0 ? global / globalPeriodUs : undefined,
    vcpuPeriodUs,
    globalPeriodUs,
  };
}

function topology(element: Element | undefined): GuestTopology | undefined {
  if (element === undefined) return undefined;
  const count = (name: string): number => wholeNumber(attr(element, name)) ?? 1;
  return { sockets: count('sockets'), dies: count('dies'), cores: count('cores'), threads: count('threads') };
}

function pins(elements: readonly Element[], idName: string): Map<number, CpuSet> {
  const found = new Map<number, CpuSet>();
  for (const element of elements) {
    const id = wholeNumber(attr(element, idName));
    const cpus = maybeCpuSet(attr(element, 'cpuset'));
    if (id !== undefined && cpus !== undefined) found.set(id, cpus);
  }
  return found;
}

function ioThreads(domain: Element): number[] {
  const named = children(child(domain, 'iothreadids'), 'iothread').flatMap(
    (each) => wholeNumber(attr(each, 'id')) ?? [],
  );
  // libvirt bounds <iothreads> only by its 32-bit number; this bound keeps a bogus count cheap.
  const count = Math.min(wholeNumber(text(child(domain, 'iothreads'))) ?? 0, 4_096);
  return named.length > 0 ? named : Array.from({ length: count }, (_, index) => index + 1);
}

function maybeCpuSet(list: string | undefined): CpuSet | undefined {
  return list === undefined ? undefined : CpuSet.parse(list);
}
