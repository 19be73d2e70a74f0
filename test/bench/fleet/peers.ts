import type { FleetHost, FleetVm } from '../../../advice/fleet/fleet.ts';
import { seededRandom } from '../../../simulator/random.ts';

/*
 * Published strategies of others, written from their documentation and descriptions, without constraints, maintenance and
 * pins: the made fleets have none. All of them look at the figures of the last hour only.
 */

/** A host with its VMs, and the usage of the VMs in the hour that is used. */
export interface Loaded {
  readonly host: FleetHost;
  readonly vms: FleetVm[];
  cpus: number;
  bytes: number;
}

export interface Strategy {
  readonly name: string;
  /** Moves VMs between these hosts; the number of moves is derived from the result. */
  readonly run: (hosts: Loaded[], slot: number) => void;
}

export const usedCpus = (vm: FleetVm, slot: number): number => vm.demandCpus[slot] as number;

function move(vm: FleetVm, from: Loaded, to: Loaded, slot: number): void {
  from.vms.splice(from.vms.indexOf(vm), 1);
  to.vms.push(vm);
  from.cpus -= usedCpus(vm, slot);
  from.bytes -= vm.neededBytes;
  to.cpus += usedCpus(vm, slot);
  to.bytes += vm.neededBytes;
}

const cpuShare = ({ host, cpus }: Loaded): number => cpus / host.cpus;
const memoryShare = ({ host, bytes }: Loaded): number => bytes / host.memoryBytes;

/**
 * ProxLB (https://github.com/gyptazy/ProxLB, docs and proxlb/models/calculations.py of 2025): if the most and the least used node
 * differ by more than `balanciness` per cent of the chosen method, each guest in turn is assigned to the node that is used least
 * at that moment.
 */
export function proxLb(method: 'memory' | 'cpu', balanciness = 10): Strategy {
  const share = method === 'memory' ? memoryShare : cpuShare;
  return {
    name: `ProxLB, method ${method}`,
    run: (hosts, slot) => {
      const shares = hosts.map(share);
      if ((Math.max(...shares) - Math.min(...shares)) * 100 <= balanciness) return;
      for (const { vm, from } of hosts.flatMap((from) => from.vms.map((vm) => ({ vm, from })))) {
        const to = hosts.reduce((least, each) => (share(each) < share(least) ? each : least));
        if (to !== from) move(vm, from, to, slot);
      }
    },
  };
}

/**
 * OpenStack Watcher, workload stabilization (https://docs.openstack.org/watcher/latest/strategies/workload-stabilization.html): if
 * the standard deviation of CPU or memory load over hosts is above its threshold, each VM is tried on one random other host
 * (host_choice "retry", retry_count 1); these cases are sorted by the weighted sum of both deviations, and those that lower it
 * are taken, until a deviation is below its threshold.
 */
export function watcherStabilization(threshold = 0.2, seed = 1): Strategy {
  return {
    name: `Watcher, workload stabilization, threshold ${threshold}`,
    run: (hosts, slot) => {
      const random = seededRandom(seed);
      const deviations = (): [cpu: number, memory: number] => [
        deviation(hosts.map(cpuShare)),
        deviation(hosts.map(memoryShare)),
      ];
      if (deviations().every((each) => each <= threshold)) return;
      const cases: { vm: FleetVm; from: Loaded; to: Loaded; value: number }[] = [];
      const [cpu, memory] = [momentsOf(hosts.map(cpuShare)), momentsOf(hosts.map(memoryShare))];
      for (const from of hosts) {
        for (const vm of from.vms) {
          const others = hosts.filter((each) => each !== from);
          const to = others[Math.floor(random() * others.length)] as Loaded;
          const [used, bytes] = [usedCpus(vm, slot), vm.neededBytes];
          const value =
            cpu.deviationWith(
              [cpuShare(from), cpuShare(to)],
              [(from.cpus - used) / from.host.cpus, (to.cpus + used) / to.host.cpus],
            ) +
            memory.deviationWith(
              [memoryShare(from), memoryShare(to)],
              [(from.bytes - bytes) / from.host.memoryBytes, (to.bytes + bytes) / to.host.memoryBytes],
            );
          cases.push({ vm, from, to, value });
        }
      }
      let least = 1;
      for (const { vm, from, to } of cases.sort((a, b) => a.value - b.value)) {
        move(vm, from, to, slot);
        const [cpus, bytes] = deviations();
        if (cpus + bytes < least) least = cpus + bytes;
        else move(vm, to, from, slot);
        if (cpus < threshold || bytes < threshold) break;
      }
    },
  };
}

interface Moments {
  /** The standard deviation if two of the values were replaced. */
  deviationWith(before: readonly number[], after: readonly number[]): number;
}

function momentsOf(values: readonly number[]): Moments {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  const change = (list: readonly number[], power: number): number =>
    list.reduce((total, value) => total + value ** power, 0);
  return {
    deviationWith: (before, after) => {
      const mean = (sum - change(before, 1) + change(after, 1)) / values.length;
      const square = (squares - change(before, 2) + change(after, 2)) / values.length;
      return Math.sqrt(Math.max(0, square - mean * mean));
    },
  };
}

const deviation = (values: readonly number[]): number => momentsOf(values).deviationWith([], []);

/**
 * OpenStack Watcher, VM workload consolidation
 * (https://docs.openstack.org/watcher/latest/strategies/vm_workload_consolidation.html): first the VMs with the least CPU use leave
 * hosts that use more than their capacity, for the busiest host with room (first fit); then VMs of the least used hosts, the busiest
 * first, go to the most used hosts with room, so that hosts become empty. Capacity coefficients are 1. A VM that moved twice counts
 * once.
 */
export function watcherConsolidation(): Strategy {
  const fits = (vm: FleetVm, { host, cpus, bytes }: Loaded, slot: number): boolean =>
    cpus + usedCpus(vm, slot) <= host.cpus && bytes + vm.neededBytes <= host.memoryBytes;
  return {
    name: 'Watcher, VM workload consolidation',
    run: (hosts, slot) => {
      const byUse = (a: FleetVm, b: FleetVm): number => usedCpus(a, slot) - usedCpus(b, slot);
      const busiest = hosts.toSorted((a, b) => b.cpus - a.cpus);
      for (const from of busiest) {
        for (const vm of from.vms.toSorted(byUse)) {
          if (from.cpus <= from.host.cpus) break;
          const to = busiest.find((each) => each !== from && fits(vm, each, slot));
          if (to !== undefined) move(vm, from, to, slot);
        }
      }
      const again = hosts.toSorted((a, b) => b.cpus - a.cpus);
      for (const from of again.toReversed()) {
        for (const vm of from.vms.toSorted(byUse).toReversed()) {
          const to = again.slice(0, again.indexOf(from)).find((each) => fits(vm, each, slot));
          if (to !== undefined) move(vm, from, to, slot);
        }
      }
    },
  };
}
