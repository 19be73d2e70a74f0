import type { Disk } from '../../model/domain/disks.ts';
import type { NetworkInterface } from '../../model/domain/interfaces.ts';
import type { BlockStats, NetStats } from '../../model/stats/types.ts';
import type { BlockRates, NetRates, Vm } from './vm.ts';

/** One disk of one VM, from its XML and its figures; either may be missing. */
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
  /** The host's interface; if unknown, the alias or MAC. */
  readonly target: string;
  readonly nic: NetworkInterface | undefined;
  readonly net: NetStats | undefined;
  readonly rates: NetRates | undefined;
}

export function disksOf(vm: Vm): DiskRow[] {
  const figures = vm.stats === undefined ? [] : [...vm.stats.blocks.values()];
  return targetsOf(vm.facts?.disks ?? [], (disk) => disk.target, figures).map(
    ({ target, facts, reported }) => ({
      key: `${vm.key}/${target}`,
      vm,
      target,
      disk: facts,
      block: reported,
      rates: vm.rates?.blocks.get(target),
    }),
  );
}

export function nicsOf(vm: Vm): NicRow[] {
  const figures = vm.stats === undefined ? [] : [...vm.stats.nets.values()];
  const name = (nic: NetworkInterface): string => nic.name ?? nic.mac ?? '?';
  return targetsOf(vm.facts?.interfaces ?? [], name, figures).map(({ target, facts, reported }) => ({
    key: `${vm.key}/${target}`,
    vm,
    target,
    nic: facts,
    net: reported,
    rates: vm.rates?.nets.get(target),
  }));
}

/** Devices by name, from the XML, the figures or both. Linear search, since a VM has few. */
function targetsOf<F, T extends { name?: string }>(
  facts: readonly F[],
  nameOf: (fact: F) => string,
  figures: readonly T[],
): { target: string; facts: F | undefined; reported: T | undefined }[] {
  const found: { target: string; facts: F | undefined; reported: T | undefined }[] = facts.map((fact) => {
    const target = nameOf(fact);
    return { target, facts: fact, reported: figures.find((each) => each.name === target) };
  });
  for (const reported of figures) {
    const { name } = reported;
    if (name === undefined || found.some(({ target }) => target === name)) continue;
    found.push({ target: name, facts: undefined, reported });
  }
  return found;
}
