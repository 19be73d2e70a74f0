import { StatsGroup } from '../libvirt/constants.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import type { DomainStats } from '../model/stats/types.ts';

/**
 * Whether a running domain's reply has what libvirt gets from its QEMU, under NOWAIT: 'busy' when it was left out
 * because somebody holds the domain's job (qemuDomainGetStatsBlock, -Balloon, -IOThread); 'unknown' when nothing
 * was asked for by which one could tell.
 */
export function needsMonitorOf(
  stats: DomainStats,
  mask: number,
  facts: DomainFacts | undefined,
): 'told' | 'busy' | 'unknown' {
  const { blocks, balloon, ioThreads } = stats;
  if ((mask & StatsGroup.block) !== 0 && blocks.size > 0) {
    return [...blocks.values()].some(({ readRequests }) => readRequests !== undefined) ? 'told' : 'busy';
  }
  // RSS is the host's figure, but libvirt reads it only together with the guest's.
  if ((mask & StatsGroup.balloon) !== 0) return balloon.rssKiB === undefined ? 'busy' : 'told';
  if ((mask & StatsGroup.ioThread) !== 0 && (facts?.cpu.ioThreads.length ?? 0) > 0) {
    return ioThreads.size === 0 ? 'busy' : 'told';
  }
  return 'unknown';
}
