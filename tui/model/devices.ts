import type { Disk } from '../../model/domain/disks.ts';
import type { NetworkInterface } from '../../model/domain/interfaces.ts';
import type { BlockStats, NetStats } from '../../model/stats/types.ts';
import type { BlockRates, NetRates, Vm } from './vm.ts';

/** One disk of one VM, by what its XML says and what its figures say; either may be missing. */
export interface DiskRow {
  readonly key: string;
  readonly vm: Vm;
  readonly target: string;
  readonly disk: Disk | undefined;
  readonly block: BlockStats | undefined;
  readonly rates: BlockRates | undefined;
}

export interface NicRow {
  readonly key: string;
  readonly vm: Vm;
  /** The host's side. */
  readonly target: string;
  readonly nic: NetworkInterface | undefined;
  readonly net: NetStats | undefined;
  readonly rates: NetRates | undefined;
}

export function disksOf(vm: Vm): DiskRow[] {
  const facts = new Map(vm.facts?.disks.map((disk) => [disk.target, disk]));
  const figures = named(vm.stats?.blocks.values() ?? []);
  return [...new Set([...facts.keys(), ...figures.keys()])].map((target) => ({
    key: `${vm.key}/${target}`,
    vm,
    target,
    disk: facts.get(target),
    block: figures.get(target),
    rates: vm.rates?.blocks.get(target),
  }));
}

export function nicsOf(vm: Vm): NicRow[] {
  const facts = new Map(vm.facts?.interfaces.map((nic) => [nic.target ?? nic.mac ?? '?', nic]));
  const figures = named(vm.stats?.nets.values() ?? []);
  return [...new Set([...facts.keys(), ...figures.keys()])].map((target) => ({
    key: `${vm.key}/${target}`,
    vm,
    target,
    nic: facts.get(target),
    net: figures.get(target),
    rates: vm.rates?.nets.get(target),
  }));
}

function named<T extends { name?: string }>(devices: Iterable<T>): Map<string, T> {
  const found = new Map<string, T>();
  for (const device of devices) if (device.name !== undefined) found.set(device.name, device);
  return found;
}
