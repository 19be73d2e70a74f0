import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { MissingReason } from '../../model/missing.ts';
import type { DomainSample } from '../../sampler/host-sample.ts';
import { missingOf } from '../../sampler/missing.ts';

/** Why a value is missing: the exporter's reasons, and those specific to the console. */
export type Reason =
  | MissingReason
  /** A rate needs two samples. */
  | 'first_sample'
  /** Load findings need several samples. */
  | 'few_samples'
  /** A rate of the guest's counters needs two of its reports, one per stats period. */
  | 'first_report'
  /** This libvirt or this kernel does not report it. */
  | 'not_reported'
  /** Not applicable: a VM without disks or NICs. */
  | 'none'
  /** The group is not enabled in the console. */
  | 'not_asked';

interface Said {
  /** Fits a column. */
  readonly short: string;
  readonly text: string;
}

export const REASONS: Readonly<Record<Reason, Said>> = {
  not_running: { short: 'off', text: 'the VM is not running' },
  unresponsive: { short: 'stuck', text: 'its QEMU does not answer libvirt' },
  late: { short: 'late', text: 'the sample timed out before this VM was read' },
  error: { short: 'error', text: 'libvirt returned an error' },
  no_stats_period: {
    short: 'nostat',
    text: 'the balloon has no stats period, so the guest does not report its memory',
  },
  no_balloon: { short: 'no bal', text: 'the VM has no balloon device' },
  guest_does_not_report: {
    short: 'silent',
    text: 'the balloon driver of the guest has never reported, although a stats period is set',
  },
  guest_stopped_reporting: {
    short: 'stale',
    text: 'the balloon driver of the guest has not reported for more than two stats periods',
  },
  paused: { short: 'paused', text: 'the VM is paused, so its guest does not report' },
  crashed: { short: 'crash', text: 'the guest has crashed; its QEMU is preserved for a dump' },
  suspended: { short: 'asleep', text: 'the guest is suspended to RAM' },
  busy: { short: 'busy', text: 'another job holds the VM, so libvirt skipped what needs its monitor' },
  not_supported: { short: '-', text: 'not supported by this host, QEMU or libvirt' },
  not_measured: { short: '-', text: 'not measured' },
  no_profile: { short: 'error', text: 'the profile that the VM was tuned with cannot be found or read' },
  stale: { short: 'stale', text: 'the last check is more than 25 h old, or dated later than now' },
  unreadable: {
    short: 'error',
    text: "the file that contains it cannot be read; the exporter's log has the reason",
  },
  other_host: { short: 'other', text: 'the file that contains it is from another host' },
  no_agent: { short: 'no agt', text: 'the VM has no channel for a guest agent' },
  agent_not_connected: { short: 'no agt', text: 'the agent channel is not connected in the guest' },
  agent_unresponsive: { short: 'stuck', text: 'the guest agent has not answered yet' },
  agent_error: { short: 'error', text: 'the guest agent, or libvirt for it, returned an error' },
  agent_limit: { short: 'limit', text: 'too many guest agents hang; no more are queried' },
  not_asked_yet: { short: '...', text: 'not read yet' },
  no_connection: { short: 'denied', text: 'the connection that it needs cannot be opened' },
  no_xml: {
    short: 'no XML',
    text: "the VM's XML has not been read yet, is too large, or cannot be parsed",
  },
  metadata_too_slow: {
    short: 'slow',
    text: 'the expressions of labels take too long on the XML of this VM',
  },
  metadata_too_large: {
    short: 'large',
    text: "the <metadata> in the VM's XML is larger than 32 Ki, so its largest parts were not read",
  },
  not_local: { short: 'remote', text: 'available only where virtune runs on the host' },
  no_process: { short: 'no pid', text: "the VM's process was not found in /proc" },
  not_permitted: { short: 'denied', text: 'the kernel does not allow this user to read it: run as root' },
  denied: { short: 'denied', text: 'libvirt does not allow this user to read it' },
  first_sample: {
    short: '...',
    text: 'a rate needs two consecutive samples; the previous one lacks this figure',
  },
  few_samples: { short: '?', text: 'no findings yet; those on load need three samples with rates' },
  first_report: {
    short: '...',
    text: 'a rate needs two reports of the guest; it sends one per stats period of its balloon',
  },
  not_reported: { short: '-', text: 'not reported by this libvirt, QEMU or kernel' },
  none: { short: '-', text: 'the VM has none' },
  not_asked: { short: '-', text: 'group not enabled; use --also GROUP' },
};

/** Groups of a VM without figures in this sample. */
export function reasonsOf(sample: DomainSample, groups: ReadonlySet<GroupName>): ReadonlyMap<string, Reason> {
  const missing = missingOf(sample, groups);
  const found = new Map<string, Reason>(missing.map(({ group, reason }) => [group, reason]));
  for (const [group, none] of [
    ['block', hasNone(sample.facts, 'disks')],
    ['interface', hasNone(sample.facts, 'interfaces')],
  ] as const) {
    if (none && !found.has(group)) found.set(group, 'none');
  }
  return found;
}

function hasNone(facts: DomainFacts | undefined, devices: 'disks' | 'interfaces'): boolean {
  return facts !== undefined && facts[devices].length === 0;
}
