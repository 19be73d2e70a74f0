import { StatsGroup } from '../libvirt/constants.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../model/domain/domain.ts';

/**
 * The statistics worth asking one domain for, as a virDomainStatsTypes mask. Each group but state and
 * interface costs QEMU monitor commands, so a group that this domain has nothing to tell in is left out;
 * while its XML is unknown, nothing is. `vcpusFromHost`: the kernel tells what the vCPU group would, but for
 * KVM's statistics.
 */
export function statsMask(
  groups: ReadonlySet<GroupName>,
  facts: DomainFacts | undefined,
  vcpusFromHost = false,
): number {
  const reports = facts === undefined || (facts.memory.balloonPeriodSeconds ?? 0) > 0;
  const hasIoThreads = facts === undefined || facts.cpu.ioThreads.length > 0;
  const hasPerfEvents = facts === undefined || facts.perfEvents.length > 0;
  const { cache, bandwidth } = facts?.cpu.monitored ?? { cache: false, bandwidth: false };
  const wanted: readonly (readonly [mask: number, wanted: boolean])[] = [
    [StatsGroup.state, true],
    [StatsGroup.cpu, groups.has('cpu') || (groups.has('resctrl') && cache)],
    [StatsGroup.memory, groups.has('resctrl') && bandwidth],
    // Without a stats period a balloon tells its size, which GetInfo gives for less.
    [StatsGroup.balloon, groups.has('balloon') && reports],
    [StatsGroup.vcpu, (groups.has('vcpu') && !vcpusFromHost) || groups.has('kvm')],
    [StatsGroup.interface, groups.has('interface')],
    [StatsGroup.block, groups.has('block')],
    [StatsGroup.perf, groups.has('perf') && hasPerfEvents],
    [StatsGroup.ioThread, groups.has('iothread') && hasIoThreads],
    [StatsGroup.dirtyRate, groups.has('dirtyrate')],
    [StatsGroup.vm, groups.has('kvm')],
  ];
  return wanted.reduce((mask, [bit, on]) => (on ? mask | bit : mask), 0);
}
