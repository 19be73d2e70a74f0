import type { DomainStats, NetStats } from '../stats/types.ts';

/** What can name a NIC within its VM. */
interface Identity {
  readonly target: string | undefined;
  readonly alias: string | undefined;
  readonly mac: string | undefined;
}

/** A NIC from the XML, with the name that `nicNames` gave it. */
interface NamedNic {
  readonly target: string | undefined;
  readonly name: string | undefined;
}

/**
 * A unique name for each NIC of a VM: the interface on the host if there is one, else libvirt's alias, else the MAC.
 * Undefined where none is left, and in the definition of a VM that does not run.
 */
export function nicNames(nics: readonly Identity[]): (string | undefined)[] {
  const taken = new Set(nics.flatMap(({ target }) => target ?? []));
  return nics.map(({ target, alias, mac }) => {
    if (target !== undefined) return target;
    // libvirt assigns aliases only at start, so the NICs of a VM that does not run have no name yet.
    if (alias === undefined) return undefined;
    const name = [alias, mac].find((each) => each !== undefined && !taken.has(each));
    if (name !== undefined) taken.add(name);
    return name;
  });
}

/**
 * Statistics in which NICs without an interface on the host carry the name from `nicNames`. libvirt numbers `net.N` by
 * the order of <interface> in the XML, and reports `net.N.name=""` for vhost-user NICs that Open vSwitch does not know
 * (qemuDomainGetStatsInterface in src/qemu/qemu_driver.c). Where the XML does not match the figures (briefly after a
 * hot-plug) or is not known yet, such a NIC has no name, and its figures are dropped.
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
