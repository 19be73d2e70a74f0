import { shareOut } from '../model/cpu-schedule.ts';
import { CpuSet } from '../model/cpu-set.ts';
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
  readonly weight: number;
  /** CPUs that a quota allows; infinite without one. */
  readonly cap: number;
}

/** VMs with fewer CPU shares than usual: they wait on purpose. */
export function isLimited({ uuid }: ObservedVm, { cpuShares }: HostObservation): boolean {
  const own = cpuShares?.get(uuid);
  return own !== undefined && own < usualShares(cpuShares);
}

/** A VM's demand and what it gets, in CPUs. */
export interface Served {
  readonly demand: number;
  readonly served: number;
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
  static of({ cpus, vms, host, cpuShares }: HostObservation): CpuLoad | undefined {
    if (cpus === undefined || cpus.size === 0) return undefined;
    const usual = usualShares(cpuShares);
    const loads = vms.flatMap((vm) => loadsOf(vm, cpus, (cpuShares?.get(vm.uuid) ?? usual) / usual));
    const used = vms.reduce((sum, { usedCpus }) => sum + (usedCpus.mean ?? 0), 0);
    const hostCpus = Math.max(0, (host.busyCpus.mean ?? 0) - used);
    const own: VmLoad = {
      vm: undefined,
      cpus,
      floats: true,
      vcpus: cpus.size,
      demand: hostCpus,
      delay: 0,
      weight: 1,
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
    // By the set itself, which VMs without pins share: to write it out as a key takes longer than to share CPUs out.
    const groups = new Map<CpuSet, Map<number, Group>>();
    const classes: Group[] = [];
    const changed = this.loads.map(change).map((load) => {
      const byWeight = groups.get(load.cpus) ?? new Map<number, Group>();
      groups.set(load.cpus, byWeight);
      let group = byWeight.get(load.weight);
      if (group === undefined) {
        group = { cpus: [...load.cpus], demand: 0, weight: load.weight, index: classes.length };
        byWeight.set(load.weight, group);
        classes.push(group);
      }
      const demand = Math.min(load.demand, load.cap);
      group.demand += demand;
      return { load, group, demand };
    });
    const shares = shareOut(classes, Math.max(...this.cpus) + 1);
    const served = new Map<string, { demand: number; served: number }>();
    for (const { load, group, demand } of changed) {
      if (load.vm === undefined) continue;
      const sum = served.get(load.vm.uuid) ?? { demand: 0, served: 0 };
      sum.demand += load.demand;
      sum.served += demand * (shares[group.index] ?? 1);
      served.set(load.vm.uuid, sum);
    }
    return served;
  }
}

interface Group {
  readonly cpus: readonly number[];
  demand: number;
  readonly weight: number;
  readonly index: number;
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

/** Defaults of control groups of version 1 and 2: one of them is what VMs have that no user has set. */
const DEFAULT_SHARES = [1_024, 100] as const;

function usualShares(shares: ReadonlyMap<string, number> | undefined): number {
  const values = [...(shares?.values() ?? [])];
  return DEFAULT_SHARES.find((each) => values.includes(each)) ?? Math.max(1, ...values);
}
