import type { DomainStats, NetStats } from '../stats/types.ts';

/** What names a NIC within its VM. */
interface Identity {
  readonly target: string | undefined;
  readonly alias: string | undefined;
  readonly mac: string | undefined;
}

/** A NIC of the XML, with the name that `nicNames` gave it. */
interface NamedNic {
  readonly target: string | undefined;
  readonly name: string | undefined;
}

/**
 * A name for each NIC of a VM, no name twice: the host's side where there is one, else libvirt's alias, else the MAC.
 * Undefined where nothing is left: a definition of a VM that does not run.
 */
export function nicNames(nics: readonly Identity[]): (string | undefined)[] {
  const taken = new Set(nics.flatMap(({ target }) => target ?? []));
  return nics.map(({ target, alias, mac }) => {
    if (target !== undefined) return target;
    // Only a VM that runs has aliases of libvirt's; a NIC of one that does not gets its name when it starts.
    if (alias === undefined) return undefined;
    const name = [alias, mac].find((each) => each !== undefined && !taken.has(each));
    if (name !== undefined) taken.add(name);
    return name;
  });
}

/**
 * Statistics in which NICs without a name on the host carry the one that `nicNames` gave. libvirt numbers `net.N` by
 * the order of <interface> in the XML, and says `net.N.name=""` for vhost-user NICs that Open vSwitch does not know
 * (qemuDomainGetStatsInterface in src/qemu/qemu_driver.c). Where the XML does not fit the figures, as for a moment after
 * a hot-plug, or is not known yet, such a NIC has no name, and its figures are left out.
 */
export function withNicNames(stats: DomainStats, interfaces: readonly NamedNic[] | undefined): DomainStats {
  if (![...stats.nets.values()].some(({ name }) => name === '')) return stats;
  const fits = [...stats.nets].every(
    ([index, { name }]) => name === undefined || name === (interfaces?.[index]?.target ?? ''),
  );
  const nets = new Map<number, NetStats>();
  for (const [index, net] of stats.nets) {
    if (net.name !== '') {
      nets.set(index, net);
      continue;
    }
    const { name: _none, ...figures } = net;
    const name = fits ? interfaces?.[index]?.name : undefined;
    nets.set(index, name === undefined ? figures : { ...figures, name });
  }
  return { ...stats, nets };
}
