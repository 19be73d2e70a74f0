import { CpuSet } from '../../model/cpu-set.ts';
import { type CpuClaims, type CpuRange, claimsOf } from '../../model/dedicated.ts';
import { cellCpus, type HostTopology } from '../../model/topology.ts';
import type { HostDomain } from './host.ts';
import type { Claim, Floater } from './types.ts';

/** What each CPU is taken for, by whom: both what runs and what the next boot takes count. */
export function takenCpus(others: readonly HostDomain[], topology: HostTopology): Map<number, Claim[]> {
  const taken = new Map<number, Claim[]>();
  const take = (cpus: CpuSet, claim: Claim): void => {
    for (const cpu of cpus) taken.set(cpu, [...(taken.get(cpu) ?? []), claim]);
  };
  for (const domain of others) {
    const claims = claimsOfBoth(domain, topology);
    const vcpus = CpuSet.of(claims.flatMap((each) => [...each.vcpus]));
    const owned =
      domain.threads === 'isolate' || domain.threads === 'require' ? wholeCores(vcpus, topology) : vcpus;
    take(owned, { guest: domain.name, by: 'vcpus' });
    const helpers = CpuSet.of(claims.flatMap((each) => [...each.helpers])).difference(owned);
    take(helpers, { guest: domain.name, by: 'helpers' });
  }
  return taken;
}

/** The VMs whose vCPUs share CPUs with others, and where. */
export function floatersOf(others: readonly HostDomain[], topology: HostTopology, online: CpuSet): Floater[] {
  return others.flatMap((domain) => {
    const ranges = claimsOfBoth(domain, topology).flatMap((claims) => claims.ranges);
    if (ranges.length === 0) return [];
    const cpus = ranges.reduce((all, range) => all.union(range.cpus ?? online), CpuSet.empty);
    return [
      { guest: domain.name, cpus: cpus.intersection(online), narrow: ranges.every(({ narrow }) => narrow) },
    ];
  });
}

/** vCPUs of running VMs that float in this cell; of one that floats over several, its share. */
export function floatingVcpus(others: readonly HostDomain[], topology: HostTopology, id: number): number {
  const cells = topology.cells.map((cell) => ({ id: cell.id, cpus: cellCpus(cell) }));
  const all = CpuSet.of(cells.flatMap(({ cpus }) => [...cpus]));
  const here = cells.find((cell) => cell.id === id)?.cpus ?? CpuSet.empty;
  const share = ({ cpus = all, vcpus }: CpuRange): number =>
    cpus.size === 0 ? 0 : (vcpus * cpus.intersection(here).size) / cpus.size;
  return others
    .flatMap(({ live }) => (live === undefined ? [] : claimsOf(live.cpu, topology).ranges))
    .reduce((sum, range) => sum + share(range), 0);
}

function claimsOfBoth({ live, inactive }: HostDomain, topology: HostTopology): CpuClaims[] {
  return [live, inactive].flatMap((facts) => (facts === undefined ? [] : [claimsOf(facts.cpu, topology)]));
}

function wholeCores(cpus: CpuSet, topology: HostTopology): CpuSet {
  return topology.cells
    .flatMap((cell) => cell.cpus)
    .filter((cpu) => cpus.has(cpu.id))
    .reduce((all, cpu) => all.union(cpu.siblings), cpus);
}
