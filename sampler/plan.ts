import { StatsGroup } from '../libvirt/constants.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../model/domain/domain.ts';

/** What the host's kernel reports of a domain, so that libvirt need not be asked for it. */
export interface FromHost {
  /** The figures of the vCPU group, except KVM's statistics. */
  readonly vcpus?: boolean;
  /** Resident memory of its QEMU. */
  readonly rss?: boolean;
}

/**
 * The statistics worth asking one domain for, as a virDomainStatsTypes mask. Each group except state and
 * interface costs QEMU monitor commands, so groups without figures for this domain are left out; while its
 * XML is unknown, none is.
 */
export function statsMask(
  groups: ReadonlySet<GroupName>,
  facts: DomainFacts | undefined,
  { vcpus: vcpusFromHost = false, rss: rssFromHost = false }: FromHost = {},
): number {
  const reports = facts === undefined || (facts.memory.balloonPeriodSeconds ?? 0) > 0;
  const hasIoThreads = facts === undefined || facts.cpu.ioThreads.length > 0;
  const hasPerfEvents = facts === undefined || facts.perfEvents.length > 0;
  const monitored = facts?.cpu.monitored;
  const resctrl = groups.has('resctrl');
  const kvm = groups.has('kvm');
  // Or-ed directly instead of over a list of pairs: this runs for each VM in each tick.
  let mask: number = StatsGroup.state;
  if (groups.has('cpu') || (resctrl && (monitored?.cache === true || monitored?.energy === true)))
    mask |= StatsGroup.cpu;
  if (resctrl && monitored?.bandwidth === true) mask |= StatsGroup.memory;
  // Without a stats period the balloon group has only resident memory, which is cheaper to read from /proc.
  if ((groups.has('balloon') && reports) || (groups.has('domain') && !rssFromHost))
    mask |= StatsGroup.balloon;
  if ((groups.has('vcpu') && !vcpusFromHost) || kvm) mask |= StatsGroup.vcpu;
  if (groups.has('interface')) mask |= StatsGroup.interface;
  if (groups.has('block') || groups.has('blocklimits')) mask |= StatsGroup.block;
  if (groups.has('perf') && hasPerfEvents) mask |= StatsGroup.perf;
  if (groups.has('iothread') && hasIoThreads) mask |= StatsGroup.ioThread;
  if (groups.has('dirtyrate')) mask |= StatsGroup.dirtyRate;
  if (kvm) mask |= StatsGroup.vm;
  return mask;
}
