import type { DomainFacts } from '../domain/domain.ts';
import type { DomainStats } from './types.ts';

/**
 * The figures without halt polling where nobody counted it. It is KVM's: of a VM that runs without KVM
 * libvirt 9.0 gives 0 for both times. A VM of type kvm keeps its 0.
 */
export function withoutUncountedPolling(stats: DomainStats, facts: DomainFacts | undefined): DomainStats {
  const { haltPollSuccessNs, haltPollFailNs, ...cpu } = stats.cpu;
  const isZero = haltPollSuccessNs === 0 && haltPollFailNs === 0;
  return isZero && facts?.type !== 'kvm' ? { ...stats, cpu } : stats;
}
