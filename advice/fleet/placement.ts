import type { Constraints, Group } from './constraints.ts';
import type { Fleet, FleetHost, FleetVm } from './fleet.ts';
import { type Need, needOf } from './occupancy.ts';
import { peakUse } from './strain.ts';

/** A VM and its host, now or after the moves so far. */
export interface Placed {
  readonly vm: FleetVm;
  /** Keys of its affinity and anti-affinity groups. */
  readonly together: readonly string[];
  readonly apart: readonly string[];
  host: number;
}

/** A host and what is on it. */
export interface Occupied {
  readonly host: FleetHost;
  /** By UUID, so that sums do not depend on the history. */
  readonly vms: Placed[];
  need: Need;
  peak: number;
}

const NONE: readonly string[] = [];

/**
 * Which VM is on which host, while a plan is made. Hosts of a cluster are sorted by their busiest hour, the least busy
 * first.
 */
export class Placement {
  readonly hosts: readonly Occupied[];
  /** VMs of a group by host. */
  readonly #members = new Map<string, Map<number, number>>();
  readonly #order = new Map<string, number[]>();
  /** Host CPU models that currently run guests with a named model, by that model. */
  readonly #seenOn = new Map<string, Set<string>>();

  constructor(fleet: Fleet, { groupsOf }: Constraints) {
    this.hosts = fleet.hosts.map((host, index) => {
      const vms = host.vms
        .map((vm): Placed => {
          const groups = groupsOf(vm);
          return { vm, ...keysOf(host.cluster, groups), host: index };
        })
        .sort(byUuid);
      const need = needOf(
        host,
        host.vms.toSorted((a, b) => compare(a.uuid, b.uuid)),
      );
      return { host, vms, need, peak: peakUse(host, need) };
    });
    for (const [index, { host, vms }] of this.hosts.entries()) {
      for (const placed of vms) {
        this.#count(placed, index, 1);
        if (placed.vm.cpuModel !== undefined && host.cpuModel !== undefined) {
          const seen = this.#seenOn.get(placed.vm.cpuModel) ?? new Set();
          this.#seenOn.set(placed.vm.cpuModel, seen.add(host.cpuModel));
        }
      }
      const order = this.#order.get(host.cluster) ?? [];
      this.#order.set(host.cluster, order);
      order.push(index);
    }
    for (const order of this.#order.values()) order.sort((a, b) => this.#byPeak(a, b));
  }

  get clusters(): readonly string[] {
    return [...this.#order.keys()].sort(compare);
  }

  /** Indexes of the cluster's hosts, the least busy first. */
  hostsOf(cluster: string): readonly number[] {
    return this.#order.get(cluster) ?? [];
  }

  at(host: number): Occupied {
    return this.hosts[host] as Occupied;
  }

  /** Number of VMs of a group on this host. */
  membersOn(key: string, host: number): number {
    return this.#members.get(key)?.get(host) ?? 0;
  }

  /** Hosts that have VMs of this group. */
  hostsWith(key: string): readonly number[] {
    return [...(this.#members.get(key)?.keys() ?? [])];
  }

  /** Whether any guest with this CPU model runs on a host of that model. */
  runsOn(guestModel: string, hostModel: string): boolean {
    return this.#seenOn.get(guestModel)?.has(hostModel) ?? false;
  }

  move(placed: Placed, to: number): void {
    const from = placed.host;
    const source = this.at(from);
    const target = this.at(to);
    source.vms.splice(source.vms.indexOf(placed), 1);
    placed.host = to;
    target.vms.push(placed);
    target.vms.sort(byUuid);
    this.#count(placed, from, -1);
    this.#count(placed, to, 1);
    for (const index of [from, to]) this.#update(index);
  }

  #update(index: number): void {
    const occupied = this.at(index);
    const order = this.#order.get(occupied.host.cluster) as number[];
    order.splice(order.indexOf(index), 1);
    occupied.need = needOf(
      occupied.host,
      occupied.vms.map(({ vm }) => vm),
    );
    occupied.peak = peakUse(occupied.host, occupied.need);
    order.splice(this.#placeIn(order, index), 0, index);
  }

  /** Binary search. */
  #placeIn(order: readonly number[], index: number): number {
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#byPeak(order[middle] as number, index) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #byPeak(a: number, b: number): number {
    return this.at(a).peak - this.at(b).peak || compare(this.at(a).host.id, this.at(b).host.id);
  }

  #count({ together, apart }: Placed, host: number, by: number): void {
    for (const key of [...together, ...apart]) {
      const hosts = this.#members.get(key) ?? new Map<number, number>();
      this.#members.set(key, hosts);
      const count = (hosts.get(host) ?? 0) + by;
      if (count > 0) hosts.set(host, count);
      else hosts.delete(host);
    }
  }
}

function keysOf(cluster: string, groups: readonly Group[]): Pick<Placed, 'together' | 'apart'> {
  if (groups.length === 0) return { together: NONE, apart: NONE };
  const of = (kind: Group['kind']): string[] =>
    groups.filter((group) => group.kind === kind).map(({ name }) => JSON.stringify([kind, cluster, name]));
  return { together: of('affinity'), apart: of('anti-affinity') };
}

/** By code units, so that plans do not depend on the locale. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const byUuid = (a: Placed, b: Placed): number => compare(a.vm.uuid, b.vm.uuid);
