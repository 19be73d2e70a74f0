import { attr, child, children, type Element, parseXml, text } from '../xml.ts';
import { type CpuFacts, parseCpuFacts } from './cpu.ts';
import type { MetadataReader } from './custom-metadata.ts';
import { type Disk, parseDisks } from './disks.ts';
import { type DomainFeatures, parseFeatures } from './features.ts';
import { type NetworkInterface, parseInterfaces } from './interfaces.ts';
import { type MemoryFacts, parseMemoryFacts } from './memory.ts';
import { type NovaFacts, type OvirtFacts, parseNova, parseOvirt } from './metadata.ts';
import { readMark, type TunedMark } from './tuned-mark.ts';

/** Facts from a domain's XML: they change slowly, and by events. */
export interface DomainFacts {
  readonly name: string | undefined;
  readonly uuid: string | undefined;
  readonly title: string | undefined;
  /** `kvm`, `qemu`, `test`, ... */
  readonly type: string | undefined;
  readonly os: {
    readonly type: string | undefined;
    readonly arch: string | undefined;
    readonly machine: string | undefined;
  };
  /** Of control groups, such as `/machine/prod`; absent where its XML names none. */
  readonly partition?: string | undefined;
  readonly cpu: CpuFacts;
  readonly memory: MemoryFacts;
  /** Absent in recordings of older versions. */
  readonly features?: DomainFeatures | undefined;
  readonly disks: readonly Disk[];
  readonly interfaces: readonly NetworkInterface[];
  /** Enabled performance events, by libvirt's names. */
  readonly perfEvents: readonly string[];
  /** Its channel for QEMU's guest agent; absent where it has none. */
  readonly agent: AgentChannel | undefined;
  readonly nova: NovaFacts | undefined;
  readonly ovirt: OvirtFacts | undefined;
  /** Absent unless virtune's tuner has applied a profile. */
  readonly tuned?: TunedMark | undefined;
  /** Values of the user's own label expressions. */
  readonly labels: ReadonlyMap<string, string>;
  /** The XML's <metadata> was too large to read: nova, ovirt, tuned and labels may be incomplete. */
  readonly isMetadataCut?: boolean | undefined;
  /** The label expressions take too long on this XML: `labels` is empty. */
  readonly isMetadataSlow?: boolean | undefined;
}

/** `unknown`: the domain does not run, or libvirt does not report it. */
export type AgentChannel = 'connected' | 'disconnected' | 'unknown';

const AGENT_CHANNEL = 'org.qemu.guest_agent.0';

const NO_LABELS: ReadonlyMap<string, string> = new Map();

/**
 * Reads any valid domain XML (https://libvirt.org/formatdomain.html); what the XML does not contain is absent.
 * @throws ModelXmlError when it is not domain XML; CpuSetError when a CPU list in it is malformed.
 */
export function parseDomain(xml: string, what = 'the domain XML', metadata?: MetadataReader): DomainFacts {
  return domainFacts(parseXml(what, xml, 'domain'), metadata);
}

/** The same from a parsed tree. */
export function domainFacts(root: Element, metadata?: MetadataReader): DomainFacts {
  let isMetadataSlow = false;
  const labels = metadata?.(root, () => {
    isMetadataSlow = true;
  });
  const devices = child(root, 'devices');
  const osType = child(root, 'os', 'type');
  return {
    name: text(child(root, 'name')),
    uuid: text(child(root, 'uuid')),
    title: text(child(root, 'title')),
    type: attr(root, 'type'),
    os: { type: text(osType), arch: attr(osType, 'arch'), machine: attr(osType, 'machine') },
    partition: text(child(root, 'resource', 'partition')),
    cpu: parseCpuFacts(root),
    memory: parseMemoryFacts(root),
    features: parseFeatures(root),
    disks: parseDisks(root),
    interfaces: parseInterfaces(devices),
    perfEvents: children(child(root, 'perf'), 'event').flatMap((event) =>
      attr(event, 'enabled') === 'yes' ? (attr(event, 'name') ?? []) : [],
    ),
    agent: agentChannel(devices),
    nova: parseNova(root),
    ovirt: parseOvirt(root),
    tuned: readMark(root),
    labels: labels ?? NO_LABELS,
    ...(isMetadataSlow ? { isMetadataSlow: true } : {}),
  };
}

function agentChannel(devices: Element | undefined): AgentChannel | undefined {
  for (const channel of children(devices, 'channel')) {
    const target = child(channel, 'target');
    if (attr(target, 'name') !== AGENT_CHANNEL) continue;
    const state = attr(target, 'state');
    return state === 'connected' || state === 'disconnected' ? state : 'unknown';
  }
  return undefined;
}
