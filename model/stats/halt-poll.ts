import type { DomainFacts } from '../domain/domain.ts';
import type { DomainStats } from './types.ts';

/**
 * Drops halt polling figures where nothing counts them. Halt polling belongs to KVM: for a VM without KVM, libvirt 9.0
 * reports 0 for both times. A VM of type kvm keeps its 0.
 */
export function withoutUncountedPolling(stats: DomainStats, facts: DomainFacts | undefined): DomainStats {
  const { haltPollSuccessNs, haltPollFailNs, ...cpu } = stats.cpu;
  const isZero = haltPollSuccessNs === 0 && haltPollFailNs === 0;
  return isZero && facts?.type !== 'kvm' ? { ...stats, cpu } : stats;
}
