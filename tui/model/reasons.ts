import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { MissingReason } from '../../model/missing.ts';
import type { DomainSample } from '../../sampler/host-sample.ts';
import { missingOf } from '../../sampler/missing.ts';

/** Why a figure is not there: what the exporter says too, and what only a console that watches can say. */
export type Reason =
  | MissingReason
  /** A rate needs two samples. */
  | 'first_sample'
  /** This libvirt or this kernel does not tell it. */
  | 'not_told'
  /** It has none: a VM without disks, without NICs. */
  | 'none'
  /** The console was told not to ask. */
  | 'not_asked';

interface Said {
  /** Fits a column. */
  readonly short: string;
  readonly text: string;
}

export const REASONS: Readonly<Record<Reason, Said>> = {
  not_running: { short: 'off', text: 'the VM does not run' },
  unresponsive: { short: 'stuck', text: 'its QEMU does not answer; libvirt waits for it' },
  late: { short: 'late', text: 'the time for asking all VMs was over before its turn' },
  error: { short: 'error', text: 'libvirt answered with an error' },
  no_stats_period: {
    short: 'nostat',
    text: 'the balloon has no stats period, so the guest does not report its memory',
  },
  no_balloon: { short: 'no bal', text: 'the VM has no balloon device' },
  guest_does_not_report: {
    short: 'silent',
    text: 'there is a stats period, but the balloon driver of the guest has never reported',
  },
  guest_stopped_reporting: {
    short: 'stale',
    text: 'the balloon driver of the guest has not reported for more than two stats periods',
  },
  paused: { short: 'paused', text: 'the VM is paused, so its guest does not report' },
  crashed: { short: 'crash', text: 'the guest has crashed, and its QEMU is kept for a dump' },
  suspended: { short: 'asleep', text: 'the guest is suspended to RAM' },
  busy: { short: 'busy', text: 'another job holds the VM, so libvirt left out what needs its monitor' },
  not_supported: { short: '-', text: 'this host, its QEMU or its libvirt does not count it' },
  not_measured: { short: '-', text: 'nobody has measured it' },
  no_agent: { short: 'no agt', text: 'the VM has no channel for a guest agent' },
  agent_not_connected: { short: 'no agt', text: 'there is a channel, and no agent at its other end' },
  agent_unresponsive: { short: 'stuck', text: 'the guest agent was asked and has not answered yet' },
  agent_error: { short: 'error', text: 'the guest agent, or libvirt for it, answered with an error' },
  agent_limit: { short: 'limit', text: 'so many guest agents hang that no more of them are asked' },
  not_asked_yet: { short: '...', text: 'its turn has not come yet' },
  no_connection: { short: 'denied', text: 'the connection that it takes cannot be opened' },
  no_xml: {
    short: 'no XML',
    text: "the VM's XML could not be read yet, is too large, or was not understood",
  },
  metadata_too_large: {
    short: 'large',
    text: "the <metadata> in the VM's XML is larger than 32 Ki, so its largest parts were not read",
  },
  not_local: { short: 'remote', text: 'only told where virtune runs on the host itself' },
  no_process: { short: 'no pid', text: "the VM's process was not found in /proc" },
  not_permitted: { short: 'denied', text: 'the kernel does not let this user read it: run as root' },
  denied: { short: 'denied', text: 'libvirt does not let this user ask for it' },
  first_sample: {
    short: '...',
    text: 'a rate needs two samples on end, and the one before did not have this figure',
  },
  not_told: { short: '-', text: 'this libvirt, QEMU or kernel does not tell it' },
  none: { short: '-', text: 'the VM has none' },
  not_asked: { short: '-', text: 'not asked for; --also GROUP asks' },
};

/** Groups of one VM that have no figures in this sample. */
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
