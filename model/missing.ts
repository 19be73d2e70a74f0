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
  /** The host, its QEMU or its libvirt does not count it. */
  | 'not_supported'
  /** Nobody has measured it. */
  | 'not_measured'
  /** The domain has no channel for a guest agent. */
  | 'no_agent'
  /** It has one, and nobody is at its other end. */
  | 'agent_not_connected'
  /** The agent was asked and has not answered yet. */
  | 'agent_unresponsive'
  /** The agent, or libvirt for it, answered with an error. */
  | 'agent_error'
  /** So many agents hang that no more of them are asked. */
  | 'agent_limit'
  /** Its turn has not come yet. */
  | 'not_asked_yet'
  /** The connection that it takes cannot be opened. */
  | 'no_connection'
  /** The XML could not be read or understood. */
  | 'no_xml';

export interface Asked {
  readonly groups: ReadonlySet<string>;
  readonly state: number | undefined;
  readonly outcome: 'fresh' | 'unresponsive' | 'late' | 'error';
  readonly stats: DomainStats | undefined;
  readonly facts: DomainFacts | undefined;
}

/** A group of figures that come from the domain's own QEMU or its driver. */
interface FigureGroup {
  readonly name: string;
  /** Whether the domain has anything to tell in it; while its XML is unknown it may have. */
  readonly applies?: (facts: DomainFacts) => boolean;
  /** Why a running domain that answered told nothing of it; undefined where it did. */
  readonly reason: (stats: DomainStats, facts: DomainFacts | undefined) => MissingReason | undefined;
}

const FIGURE_GROUPS: readonly FigureGroup[] = [
  { name: 'balloon', reason: balloonReason },
  { name: 'vcpu', reason: ({ vcpus }) => unless(vcpus.size > 0, 'busy') },
  {
    name: 'block',
    applies: ({ disks }) => disks.length > 0,
    reason: ({ blocks }) =>
      unless(
        [...blocks.values()].some((block) => block.readRequests !== undefined),
        'busy',
      ),
  },
  {
    name: 'interface',
    // One without a host side, a passed-through device for instance, has no counters there.
    applies: ({ interfaces }) => interfaces.some((nic) => nic.target !== undefined),
    reason: ({ nets }) => unless(nets.size > 0, 'busy'),
  },
  {
    name: 'iothread',
    applies: ({ cpu }) => cpu.ioThreads.length > 0,
    reason: ({ ioThreads }) => unless(ioThreads.size > 0, 'busy'),
  },
  {
    name: 'perf',
    applies: ({ perfEvents }) => perfEvents.length > 0,
    reason: ({ perf }) => unless(perf.size > 0, 'not_supported'),
  },
  {
    name: 'resctrl',
    applies: ({ cpu }) => cpu.monitored.cache || cpu.monitored.bandwidth,
    reason: ({ cacheMonitors, bandwidthMonitors }) =>
      unless(cacheMonitors.size + bandwidthMonitors.size > 0, 'not_supported'),
  },
  {
    name: 'cpu',
    reason: ({ cpu }) =>
      unless(cpu.haltPollSuccessNs !== undefined || cpu.haltPollFailNs !== undefined, 'not_supported'),
  },
  {
    name: 'kvm',
    reason: ({ kvm, vcpus }) =>
      unless(kvm.size > 0 || [...vcpus.values()].some((vcpu) => vcpu.kvm !== undefined), 'not_supported'),
  },
  {
    name: 'dirtyrate',
    reason: ({ dirtyRate }) => unless(dirtyRate.megabytesPerSecond !== undefined, 'not_measured'),
  },
];

function unless(told: boolean, reason: MissingReason): MissingReason | undefined {
  return told ? undefined : reason;
}

/** Why groups that were to be had of a domain are not there. */
export function missingGroups({ groups, state, outcome, stats, facts }: Asked): MissingGroup[] {
  const asked = FIGURE_GROUPS.filter(
    ({ name, applies }) => groups.has(name) && (facts === undefined || applies?.(facts) !== false),
  );
  const all = (reason: MissingReason): MissingGroup[] => asked.map(({ name }) => ({ group: name, reason }));
  if (outcome !== 'fresh' || stats === undefined) return all(outcome === 'fresh' ? 'error' : outcome);
  const missing: MissingGroup[] = facts === undefined ? [{ group: 'tuning', reason: 'no_xml' }] : [];
  if (state === DomainState.shutoff || state === DomainState.crashed)
    return [...missing, ...all('not_running')];
  for (const { name, applies, reason } of asked) {
    // Whether it has such a thing at all is not known yet: what it did not tell is no lack of its own.
    if (facts === undefined && applies !== undefined) continue;
    const why = reason(stats, facts);
    if (why !== undefined) missing.push({ group: name, reason: why });
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
