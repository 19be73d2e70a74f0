import type { DomainFacts } from './domain/domain.ts';
import type { DomainStats } from './stats/types.ts';

/** What a reply to a NOWAIT request for statistics shows of QEMU's monitor; `unknown`: nothing was asked that needs it. */
export type MonitorState = 'answered' | 'busy' | 'unknown';

/**
 * Whether an active domain's reply has what libvirt gets from the domain's QEMU. Under NOWAIT libvirt leaves all of
 * that out while another client holds the domain's job (qemu_driver.c: qemuDomainGetStatsBlock, -Balloon,
 * -IOThread). `asked`: groups that were asked for; RSS is the host's figure, but libvirt reads it only together with the
 * guest's.
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

/** QEMU has no counters of a disk that a vhost-user process serves, so they are missing in any reply. */
export function areAllVhostUser(facts: DomainFacts | undefined): boolean {
  const disks = facts?.disks ?? [];
  return disks.length > 0 && disks.every(({ source }) => source?.kind === 'vhostuser');
}
