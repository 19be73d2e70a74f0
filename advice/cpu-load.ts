import { type CpuGroup, shareOut } from '../model/cpu-schedule/share-out.ts';
import { CpuSet } from '../model/cpu-set.ts';
import type { CpuQuota } from '../model/domain/cpu.ts';
import { weightOf } from './cpu-weights.ts';
import type { HostObservation, ObservedVm } from './observation.ts';
import { pinnedCpus } from './pins.ts';

/** vCPUs of one VM that may run on the same CPUs, and their demand. */
export interface VmLoad {
  /** Undefined: what the host itself uses. */
  readonly vm: ObservedVm | undefined;
  /** All CPUs that VMs share, where the vCPUs may run anywhere. */
  readonly cpus: CpuSet;
  readonly floats: boolean;
  readonly vcpus: number;
  /** CPUs: run and delay, mean over the window. */
  readonly demand: number;
  /** The part of the demand that was not served. */
  readonly delay: number;
  /** Weight of the VM's control group, 1 unless a user has set one; the same for all loads of a VM. */
  readonly weight: number;
  /** CPUs that a quota allows; infinite without one. */
  readonly cap: number;
}

/** CPUs that a load demands within its quota: what exceeds the quota uses no CPU, whatever else runs. */
export const allowedDemand = ({ demand, cap }: VmLoad): number => Math.min(demand, cap);

/** CPUs that some vCPUs of a VM may use under its quotas; infinite without one. */
export function capUnder(
  { vcpuCpus, globalCpus }: Partial<Pick<CpuQuota, 'vcpuCpus' | 'globalCpus'>>,
  { vcpus, ofAll }: { readonly vcpus: number; readonly ofAll: number },
): number {
  return Math.min(
    (vcpuCpus ?? Number.POSITIVE_INFINITY) * vcpus,
    ((globalCpus ?? Number.POSITIVE_INFINITY) * vcpus) / Math.max(1, ofAll),
  );
}

/** A VM's demand and how much of it is served, in CPUs. */
export interface Served {
  readonly demand: number;
  readonly served: number;
  /** Part of its demand on CPUs without time left: it waits for what runs there, even within its share. */
  readonly contended: number;
}

/** The demand of all VMs of a host for its CPUs; predicts the effect of a change before it is made. */
export class CpuLoad {
  /** CPUs that VMs share: online, available to VMs by their control group, and not isolated from the scheduler. */
  readonly cpus: CpuSet;
  readonly loads: readonly VmLoad[];
  /** On these CPUs: demand of VMs and the host's own use, and the host's own use alone. */
  readonly demand: number;
  readonly hostCpus: number;
  readonly #ofVm: ReadonlyMap<ObservedVm | undefined, readonly VmLoad[]>;
  /** VMs that are confined to some CPUs, by CPU. */
  readonly #confined = new Map<number, ObservedVm[]>();

  private constructor(cpus: CpuSet, loads: readonly VmLoad[], hostCpus: number) {
    this.cpus = cpus;
    this.loads = loads;
    this.hostCpus = hostCpus;
    this.#ofVm = Map.groupBy(loads, ({ vm }) => vm);
    for (const { vm, floats, cpus: its } of loads) {
      if (floats || vm === undefined) continue;
      for (const cpu of its) {
        const there = this.#confined.get(cpu);
        if (there === undefined) this.#confined.set(cpu, [vm]);
        else there.push(vm);
      }
    }
    this.demand = loads.reduce((sum, each) => sum + (this.usesSharedCpus(each) ? allowedDemand(each) : 0), 0);
  }

  /** Undefined where the host's CPUs are unknown. */
  static of(observation: HostObservation): CpuLoad | undefined {
    const { cpus: online, isolated, vms, host } = observation;
    if (online === undefined || online.size === 0) return undefined;
    const cpus = sharedOf(online, observation);
    const loads = vms.flatMap((vm) =>
      loadsOf(vm, { online, cpus, isolated, weight: weightOf(vm, observation) }),
    );
    const used = vms.reduce((sum, { usedCpus }) => sum + (usedCpus.mean ?? 0), 0);
    const hostCpus = Math.max(0, (host.busyCpus.mean ?? 0) - used - idleBeside(cpus, online, loads));
    const own: VmLoad = {
      vm: undefined,
      cpus,
      floats: true,
      vcpus: cpus.size,
      demand: hostCpus,
      delay: 0,
      // system.slice and machine.slice have the same weight: the host's own load competes with all VMs together.
      weight: [...new Map(loads.map(({ vm, weight }) => [vm, weight])).values()].reduce(
        (sum, each) => sum + each,
        0,
      ),
      cap: Number.POSITIVE_INFINITY,
    };
    return new CpuLoad(cpus, [...loads, own], hostCpus);
  }

  /** Of one VM. */
  of(vm: ObservedVm): readonly VmLoad[] {
    return this.#ofVm.get(vm) ?? [];
  }

  /** CPUs that a VM demands within its quota: its part of `demand`. */
  demandOf(vm: ObservedVm): number {
    return this.of(vm).reduce((sum, each) => sum + allowedDemand(each), 0);
  }

  /** Whether it demands any of the CPUs that VMs share. */
  usesSharedCpus({ cpus }: VmLoad): boolean {
    return [...cpus].some((cpu) => this.cpus.has(cpu));
  }

  /** CPUs that VMs share and to which no VM except these is confined. */
  unclaimed(but: readonly ObservedVm[]): CpuSet {
    return CpuSet.of(
      [...this.cpus].filter((cpu) => this.#confined.get(cpu)?.every((vm) => but.includes(vm)) !== false),
    );
  }

  /** CPU demand relative to the CPUs that VMs share. */
  get utilization(): number {
    return this.demand / this.cpus.size;
  }

  /** Result per VM, by UUID, with each load replaced by `change(load)`. */
  served(change: (load: VmLoad) => VmLoad = (load) => load): ReadonlyMap<string, Served> {
    const changed = [...this.#ofVm].map(([vm, loads]) => ({ vm, loads: loads.map(change) }));
    const parts = shareOut(changed.map(({ loads }) => groupOf(loads)));
    const served = new Map<string, Served>();
    changed.forEach(({ vm, loads }, group) => {
      if (vm === undefined) return;
      const sum = { demand: 0, served: 0, contended: 0 };
      loads.forEach((load, index) => {
        const { share = 1, contended = false } = parts[group]?.[index] ?? {};
        sum.demand += load.demand;
        sum.served += share * allowedDemand(load);
        if (contended) sum.contended += load.demand;
      });
      served.set(vm.uuid, sum);
    });
    return served;
  }
}

function groupOf(loads: readonly VmLoad[]): CpuGroup {
  return {
    weight: loads[0]?.weight ?? 1,
    classes: loads.map((load) => ({ cpus: load.cpus, demand: allowedDemand(load) })),
  };
}

/**
 * CPUs that VMs share. The scheduler balances no threads onto isolated CPUs: VMs without pins never run there, and
 * those pinned to several stay on one.
 */
function sharedOf(
  online: CpuSet,
  { isolated, vmCpus }: Pick<HostObservation, 'isolated' | 'vmCpus'>,
): CpuSet {
  const left = vmCpus?.intersection(online) ?? online;
  const allowed = left.size === 0 ? online : left;
  return balanced(allowed, isolated);
}

function balanced(cpus: CpuSet, isolated: CpuSet = CpuSet.empty): CpuSet {
  const others = cpus.difference(isolated);
  return others.size === 0 ? cpus : others;
}

/**
 * Idle capacity of the CPUs that VMs do not share. They serve other work, such as threads that poll a NIC: the host's
 * own use counts there first, since its distribution over CPUs is unknown.
 */
function idleBeside(cpus: CpuSet, online: CpuSet, loads: readonly VmLoad[]): number {
  const beside = online.difference(cpus);
  if (beside.size === 0) return 0;
  const used = loads
    .filter((each) => each.cpus.isSubsetOf(beside))
    .reduce((sum, { demand, delay }) => sum + demand - delay, 0);
  return Math.max(0, beside.size - used);
}

interface Surroundings extends Pick<HostObservation, 'isolated'> {
  readonly online: CpuSet;
  readonly cpus: CpuSet;
  readonly weight: number;
}

function loadsOf(vm: ObservedVm, { online, cpus, isolated, weight }: Surroundings): VmLoad[] {
  if (!vm.running) return [];
  const found = vm.places.flatMap((place) => {
    const run = place.runCpus.mean;
    const delay = place.delayCpus.mean;
    return run === undefined || delay === undefined ? [] : [{ ...place, run, delay }];
  });
  // If QEMU does not answer or the kernel counts no delay, CPU time is still known, and unavailable to others.
  const used = vm.usedCpus.mean;
  const parts =
    found.length > 0 || used === undefined
      ? found
      : [{ cpus: pinnedCpus(vm.sample), vcpus: Math.max(1, vm.vcpus), run: used, delay: 0 }];
  return parts.map(({ cpus: pins, vcpus, run, delay }) => {
    const allowed = pins && balanced(pins.intersection(online), isolated);
    const floats = allowed === undefined || allowed.size === 0 || cpus.isSubsetOf(allowed);
    return {
      vm,
      cpus: floats ? cpus : allowed,
      floats,
      vcpus,
      demand: run + delay,
      delay,
      weight,
      cap: capUnder(vm.facts?.cpu.quota ?? {}, { vcpus, ofAll: vm.vcpus }),
    };
  });
}
