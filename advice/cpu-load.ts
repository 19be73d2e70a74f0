import { type CpuGroup, shareOut } from '../model/cpu-schedule/share-out.ts';
import { CpuSet } from '../model/cpu-set.ts';
import { weightOf } from './cpu-weights.ts';
import type { HostObservation, ObservedVm } from './observation.ts';

/** vCPUs of one VM that may run on the same CPUs, and their demand. */
export interface VmLoad {
  /** Undefined: what the host itself uses. */
  readonly vm: ObservedVm | undefined;
  /** All CPUs of the host where the vCPUs may run anywhere. */
  readonly cpus: CpuSet;
  readonly floats: boolean;
  readonly vcpus: number;
  /** CPUs: run and delay, mean over the window. */
  readonly demand: number;
  /** Of which was not served. */
  readonly delay: number;
  /** Of the VM's control group, 1 where no user has set one; the same for all loads of a VM. */
  readonly weight: number;
  /** CPUs that a quota allows; infinite without one. */
  readonly cap: number;
}

/** A VM's demand and what it gets, in CPUs. */
export interface Served {
  readonly demand: number;
  readonly served: number;
  /** Of its demand, what may only run on CPUs without time left: it waits for what runs there, also within its share. */
  readonly contended: number;
}

/** What all VMs of a host ask of its CPUs; a change can be computed before anybody makes it. */
export class CpuLoad {
  readonly cpus: CpuSet;
  readonly loads: readonly VmLoad[];
  /** CPUs, the host's own use included. */
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
    this.demand = loads.reduce((sum, each) => sum + Math.min(each.demand, each.cap), 0);
  }

  /** Undefined where the host's CPUs are unknown. */
  static of(observation: HostObservation): CpuLoad | undefined {
    const { cpus, vms, host } = observation;
    if (cpus === undefined || cpus.size === 0) return undefined;
    const loads = vms.flatMap((vm) => loadsOf(vm, cpus, weightOf(vm, observation)));
    const used = vms.reduce((sum, { usedCpus }) => sum + (usedCpus.mean ?? 0), 0);
    const hostCpus = Math.max(0, (host.busyCpus.mean ?? 0) - used);
    const own: VmLoad = {
      vm: undefined,
      cpus,
      floats: true,
      vcpus: cpus.size,
      demand: hostCpus,
      delay: 0,
      // system.slice and machine.slice have the same weight: what the host runs itself competes with all VMs together.
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

  /** CPUs to which no VM but these is confined. */
  unclaimed(but: readonly ObservedVm[]): CpuSet {
    return CpuSet.of(
      [...this.cpus].filter((cpu) => this.#confined.get(cpu)?.every((vm) => but.includes(vm)) !== false),
    );
  }

  /** CPU demand against the CPUs of the host. */
  get utilization(): number {
    return this.demand / this.cpus.size;
  }

  /** By UUID, if the loads were as `change` makes them. */
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
        sum.served += share * Math.min(load.demand, load.cap);
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
    classes: loads.map(({ cpus, demand, cap }) => ({ cpus, demand: Math.min(demand, cap) })),
  };
}

function loadsOf(vm: ObservedVm, cpus: CpuSet, weight: number): VmLoad[] {
  if (!vm.running) return [];
  const { vcpuCpus, globalCpus } = vm.facts?.cpu.quota ?? {};
  return vm.places.flatMap((place) => {
    const run = place.runCpus.mean;
    const delay = place.delayCpus.mean;
    if (run === undefined || delay === undefined) return [];
    const allowed = place.cpus?.intersection(cpus);
    const floats = allowed === undefined || allowed.size === 0 || cpus.isSubsetOf(allowed);
    const share = place.vcpus / Math.max(1, vm.vcpus);
    const cap = Math.min(
      (vcpuCpus ?? Number.POSITIVE_INFINITY) * place.vcpus,
      (globalCpus ?? Number.POSITIVE_INFINITY) * share,
    );
    return [
      {
        vm,
        cpus: floats ? cpus : allowed,
        floats,
        vcpus: place.vcpus,
        demand: run + delay,
        delay,
        weight,
        cap,
      },
    ];
  });
}
