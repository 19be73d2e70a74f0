import { DomainState } from '../libvirt/constants.ts';
import type { DomainFacts } from './domain/domain.ts';
import type { LocalReason } from './local.ts';
import type { DomainStats } from './stats/types.ts';

/** A group that tells nothing of a domain, and why. Reasons are few and fixed, so that they can be labels. */
export interface MissingGroup {
  readonly group: string;
  readonly reason: MissingReason;
}

export type MissingReason =
  | LocalReason
  /** The domain does not run. */
  | 'not_running'
  /** It did not answer within its deadline. */
  | 'unresponsive'
  /** libvirt answered with an error. */
  | 'error'
  /** The balloon has no stats period: virsh dommemstat --period, or <stats period=.../> in the XML. */
  | 'no_stats_period'
  /** The domain has no balloon device. */
  | 'no_balloon'
  /** There is a period, but no guest driver that answers. */
  | 'guest_does_not_report'
  /** Another job held the domain, so libvirt left out what needs its monitor. */
  | 'busy'
  /** The XML could not be read or understood. */
  | 'no_xml';

export interface Asked {
  readonly groups: ReadonlySet<string>;
  readonly state: number | undefined;
  readonly outcome: 'fresh' | 'unresponsive' | 'late' | 'error';
  readonly stats: DomainStats | undefined;
  readonly facts: DomainFacts | undefined;
}

const FIGURE_GROUPS = ['balloon', 'vcpu', 'block', 'interface'] as const;

/** Why groups that were to be had of a domain are not there. */
export function missingGroups({ groups, state, outcome, stats, facts }: Asked): MissingGroup[] {
  const asked = FIGURE_GROUPS.filter((group) => groups.has(group));
  if (outcome !== 'fresh' || stats === undefined) {
    return asked.map((group) => ({ group, reason: outcome === 'fresh' ? 'error' : outcome }));
  }
  const missing: MissingGroup[] = [];
  if (facts === undefined) missing.push({ group: 'tuning', reason: 'no_xml' });
  if (state === DomainState.shutoff || state === DomainState.crashed) {
    return [...missing, ...asked.map((group) => ({ group, reason: 'not_running' as const }))];
  }
  const balloon = balloonReason(stats, facts);
  if (groups.has('balloon') && balloon !== undefined) missing.push({ group: 'balloon', reason: balloon });
  if (groups.has('vcpu') && stats.vcpus.size === 0) missing.push({ group: 'vcpu', reason: 'busy' });
  const disksTell = [...stats.blocks.values()].some((block) => block.readRequests !== undefined);
  if (groups.has('block') && !disksTell && (facts?.disks.length ?? 0) > 0) {
    missing.push({ group: 'block', reason: 'busy' });
  }
  return missing;
}

function balloonReason(stats: DomainStats, facts: DomainFacts | undefined): MissingReason | undefined {
  if (stats.balloon.unusedKiB !== undefined || stats.balloon.availableKiB !== undefined) return undefined;
  if (facts === undefined) return undefined;
  const { balloonModel, balloonPeriodSeconds } = facts.memory;
  if (balloonModel === undefined || balloonModel === 'none') return 'no_balloon';
  return (balloonPeriodSeconds ?? 0) > 0 ? 'guest_does_not_report' : 'no_stats_period';
}
