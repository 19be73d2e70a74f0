import type { DomainFacts } from './domain/domain.ts';
import type { DomainStats } from './stats/types.ts';

/** State of QEMU's monitor by a NOWAIT reply with statistics; `unknown`: nothing requested needs the monitor. */
export type MonitorState = 'answered' | 'busy' | 'unknown';

/**
 * Whether an active domain's reply contains what libvirt gets from its QEMU. Under NOWAIT libvirt omits that while
 * another client holds the domain's job (qemu_driver.c: qemuDomainGetStatsBlock, -Balloon, -IOThread). `asked`: groups
 * that were requested; RSS is the host's figure, but libvirt reads it only together with the guest's.
 */
export function monitorState(
  stats: DomainStats,
  facts: DomainFacts | undefined,
  asked: { readonly balloon: boolean; readonly ioThread: boolean },
): MonitorState {
  const { blocks, balloon, ioThreads } = stats;
  if (blocks.size > 0 && !areAllVhostUser(facts)) {
    for (const { readRequests } of blocks.values()) if (readRequests !== undefined) return 'answered';
    return 'busy';
  }
  if (asked.balloon) return balloon.rssKiB === undefined ? 'busy' : 'answered';
  if (asked.ioThread && (facts?.cpu.ioThreads.length ?? 0) > 0) {
    return ioThreads.size === 0 ? 'busy' : 'answered';
  }
  return 'unknown';
}

/** QEMU has no counters for a disk served by a vhost-user process, so they are missing in every reply. */
export function areAllVhostUser(facts: DomainFacts | undefined): boolean {
  const disks = facts?.disks ?? [];
  return disks.length > 0 && disks.every(({ source }) => source?.kind === 'vhostuser');
}
