import { DomainState } from '../libvirt/constants.ts';
import type { DomainFacts } from './domain/domain.ts';
import type { LocalReason } from './local.ts';
import { areAllVhostUser, monitorState } from './monitor.ts';
import { type BalloonStats, type BlockStats, DIRTY_RATE_MEASURED, type DomainStats } from './stats/types.ts';

/** A group of figures that a domain lacks, and why. Reasons are a small fixed set, so that they can be labels. */
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
  /** libvirt does not permit this user to request it. */
  | 'denied'
  /** The balloon has no stats period: virsh dommemstat --period, or <stats period=.../> in the XML. */
  | 'no_stats_period'
  /** The domain has no balloon device. */
  | 'no_balloon'
  /** A period is set, but the guest's balloon driver has never reported: it is missing or has not loaded yet. */
  | 'guest_does_not_report'
  /** The guest's balloon driver has reported before, but not within the last two periods. */
  | 'guest_stopped_reporting'
  /** The guest does not run at the moment, so it reports nothing: paused, crashed and kept, or suspended to RAM. */
  | 'paused'
  | 'crashed'
  | 'suspended'
  /** Another job held the domain, so libvirt left out what needs its monitor. */
  | 'busy'
  /** The host, its QEMU or its libvirt does not provide it. */
  | 'not_supported'
  /** No measurement was made. */
  | 'not_measured'
  /** The profile that it would be compared with cannot be found or read. */
  | 'no_profile'
  /** The measurement is too old, or dated in the future. */
  | 'stale'
  /** The file that contains it cannot be read or parsed. */
  | 'unreadable'
  /** The file that contains it belongs to another host. */
  | 'other_host'
  /** The domain has no channel for a guest agent. */
  | 'no_agent'
  /** There is a channel, but no agent is connected. */
  | 'agent_not_connected'
  /** The agent has not answered yet. */
  | 'agent_unresponsive'
  /** The agent, or libvirt for it, answered with an error. */
  | 'agent_error'
  /** Too many agents hang, so no more are asked. */
  | 'agent_limit'
  /** It was not its turn yet. */
  | 'not_asked_yet'
  /** The connection that it needs cannot be opened. */
  | 'no_connection'
  /** The XML could not be read or understood, or is too large to parse. */
  | 'no_xml'
  /** The XML's <metadata> is too large, so the largest parts of it were not read. */
  | 'metadata_too_large'
  /** The label expressions take too long on this XML. */
  | 'metadata_too_slow';

/** A running guest was asked for its memory and does not report it; other reasons say nothing about the guest. */
export const GUEST_DOES_NOT_REPORT = [
  'no_stats_period',
  'no_balloon',
  'guest_does_not_report',
  'guest_stopped_reporting',
] as const satisfies readonly MissingReason[];

export interface Asked {
  readonly groups: ReadonlySet<string>;
  /** It has a QEMU process: its libvirt id is not -1. A crashed domain may have one, if it is kept for a dump. */
  readonly active: boolean;
  /** virDomainState */
  readonly state: number | undefined;
  readonly outcome: 'fresh' | 'unresponsive' | 'late' | 'error' | 'denied';
  readonly stats: DomainStats | undefined;
  readonly facts: DomainFacts | undefined;
}

/** A group of figures that come from the domain's QEMU or its driver. */
interface FigureGroup {
  readonly name: string;
  /** Whether the domain has anything to report in this group; unknown while its XML is unknown. */
  readonly applies?: (facts: DomainFacts) => boolean;
  /** Whether it reported any figure that becomes a series. */
  readonly has: (stats: DomainStats) => boolean;
  /** Why an active domain that answered lacks this group. */
  readonly reason: (stats: DomainStats, asked: Asked) => MissingReason;
}

/**
 * While a job holds the domain, libvirt omits figures that need a QEMU monitor command (qemu_driver.c,
 * qemuDomainGetStats*: balloon, block, iothread, dirtyrate, vm; halt polling too). vCPU times, NICs, perf events and
 * resctrl monitors come from the host.
 */
const FIGURE_GROUPS: readonly FigureGroup[] = [
  {
    name: 'balloon',
    has: ({ balloon }) => GUEST_MEMORY_FIELDS.some((field) => balloon[field] !== undefined),
    reason: balloonReason,
  },
  {
    name: 'vcpu',
    has: ({ vcpus }) => some(vcpus.values(), hasNumber),
    reason: () => 'not_supported',
  },
  {
    name: 'block',
    applies: ({ disks }) => disks.length > 0,
    has: ({ blocks }) => some(named(blocks.values()), hasFigure),
    // QEMU has no counters for a disk that a vhost-user process serves.
    reason: (_stats, { facts }) => (areAllVhostUser(facts) ? 'not_supported' : 'busy'),
  },
  {
    name: 'interface',
    applies: ({ interfaces }) => interfaces.length > 0,
    has: ({ nets }) => some(named(nets.values()), hasNumber),
    // E.g. a passed-through NIC without an interface on the host: the host has no counters for it.
    reason: () => 'not_supported',
  },
  {
    name: 'iothread',
    applies: ({ cpu }) => cpu.ioThreads.length > 0,
    has: ({ ioThreads }) => some(ioThreads.values(), hasNumber),
    reason: () => 'busy',
  },
  {
    name: 'perf',
    applies: ({ perfEvents }) => perfEvents.length > 0,
    has: ({ perf }) => perf.size > 0,
    reason: () => 'not_supported',
  },
  {
    name: 'resctrl',
    applies: ({ cpu }) => cpu.monitored.cache || cpu.monitored.bandwidth || cpu.monitored.energy,
    has: ({ cacheMonitors, bandwidthMonitors, energyMonitors }) =>
      some(
        [...cacheMonitors.values(), ...bandwidthMonitors.values(), ...energyMonitors.values()],
        ({ parts }) => some(parts.values(), (part) => hasNumber(part, 'id')),
      ),
    reason: () => 'not_supported',
  },
  {
    name: 'cpu',
    has: ({ cpu }) => cpu.haltPollSuccessNs !== undefined || cpu.haltPollFailNs !== undefined,
    // libvirt also omits halt polling while a job holds the domain (seen on 9.0.0).
    reason: (stats, asked) =>
      asked.facts?.type === 'kvm' && isMonitorBusy(stats, asked) ? 'busy' : 'not_supported',
  },
  {
    name: 'kvm',
    has: ({ kvm, vcpus }) => kvm.size > 0 || some(vcpus.values(), (vcpu) => vcpu.kvm !== undefined),
    reason: (stats, asked) => (isMonitorBusy(stats, asked) ? 'busy' : 'not_supported'),
  },
  {
    name: 'dirtyrate',
    has: ({ dirtyRate, vcpuDirtyRate }) =>
      dirtyRate.status === DIRTY_RATE_MEASURED &&
      (dirtyRate.megabytesPerSecond !== undefined ||
        dirtyRate.periodSeconds !== undefined ||
        vcpuDirtyRate.size > 0),
    reason: (stats, asked) => (isMonitorBusy(stats, asked) ? 'busy' : 'not_measured'),
  },
];

/** What a guest's balloon driver reports; the balloon's size and resident memory are figures of the host. */
export const GUEST_MEMORY_FIELDS = [
  'unusedKiB',
  'availableKiB',
  'usableKiB',
  'swapInKiB',
  'swapOutKiB',
  'majorFaults',
  'minorFaults',
  'diskCachesKiB',
  'hugetlbAllocations',
  'hugetlbFailures',
] as const satisfies readonly (keyof BalloonStats)[];

/** Whether there are figures of this group; true for a group that does not come from QEMU or its driver. */
export function hasFiguresOf(group: string, stats: DomainStats): boolean {
  return FIGURE_GROUPS.find(({ name }) => name === group)?.has(stats) ?? true;
}

/** Why each requested group that applies to the domain has no figure. */
export function missingGroups(asked: Asked): MissingGroup[] {
  const { groups, active, outcome, stats, facts } = asked;
  const wanted = FIGURE_GROUPS.filter(
    ({ name, applies }) => groups.has(name) && (facts === undefined || applies?.(facts) !== false),
  );
  if (outcome !== 'fresh' || stats === undefined) {
    const reason = !active ? 'not_running' : outcome === 'fresh' ? 'error' : outcome;
    return wanted.map(({ name }) => ({ group: name, reason }));
  }
  const missing: MissingGroup[] = facts === undefined ? [{ group: 'tuning', reason: 'no_xml' }] : [];
  if (facts?.isMetadataCut === true && groups.has('metadata'))
    missing.push({ group: 'metadata', reason: 'metadata_too_large' });
  else if (facts?.isMetadataSlow === true && groups.has('metadata'))
    missing.push({ group: 'metadata', reason: 'metadata_too_slow' });
  for (const { name, applies, has, reason } of wanted) {
    // It is not known yet whether the domain has such a device.
    if (has(stats) || (facts === undefined && applies !== undefined)) continue;
    missing.push({ group: name, reason: active ? reason(stats, asked) : 'not_running' });
  }
  return missing;
}

function balloonReason(stats: DomainStats, asked: Asked): MissingReason {
  const { facts, state } = asked;
  if (facts === undefined) return 'no_xml';
  const { balloonModel, balloonPeriodSeconds } = facts.memory;
  if (balloonModel === undefined || balloonModel === 'none') return 'no_balloon';
  if ((balloonPeriodSeconds ?? 0) === 0) return 'no_stats_period';
  if (isMonitorBusy(stats, asked)) return 'busy';
  if (state === DomainState.paused) return 'paused';
  if (state === DomainState.crashed) return 'crashed';
  if (state === DomainState.pmSuspended) return 'suspended';
  return stats.balloon.lastUpdateSeconds ? 'guest_stopped_reporting' : 'guest_does_not_report';
}

function isMonitorBusy(stats: DomainStats, { groups, facts }: Asked): boolean {
  const balloon = groups.has('balloon') && (facts?.memory.balloonPeriodSeconds ?? 0) > 0;
  return monitorState(stats, facts, { balloon, ioThread: groups.has('iothread') }) === 'busy';
}

/** A disk's index in its backing chain is not a figure: libvirt reports it without asking QEMU. */
function hasFigure(figures: BlockStats): boolean {
  return hasNumber(figures, 'backingIndex');
}

/** Ignores the property `besides`. A loop, to avoid garbage: this runs for each device of each VM. */
function hasNumber(figures: object, besides?: string): boolean {
  for (const key in figures) {
    const value = (figures as Readonly<Record<string, unknown>>)[key];
    if (key !== besides && (typeof value === 'number' || typeof value === 'boolean')) return true;
  }
  return false;
}

/** The devices that have series: those with a name, and the first of two with the same name. */
function* named<T extends { readonly name?: string }>(devices: Iterable<T>): Generator<T> {
  let seen: Set<string> | undefined;
  for (const device of devices) {
    if (device.name === undefined || seen?.has(device.name) === true) continue;
    yield device;
    // Only afterwards: usually the first device has figures and ends the search.
    seen ??= new Set();
    seen.add(device.name);
  }
}

function some<T>(values: Iterable<T>, test: (value: T) => boolean): boolean {
  for (const value of values) if (test(value)) return true;
  return false;
}
