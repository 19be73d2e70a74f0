import { hostname } from 'node:os';
import type { Credentials } from '../../libvirt/auth/mechanism.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { parseUri } from '../../libvirt/uri.ts';
import { type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { connectionLimits } from '../../sampler/connection-limits.ts';
import { SAMPLER_FRAME_MAX_BYTES } from '../../sampler/frame-limit.ts';
import { Sampler } from '../../sampler/sampler.ts';
import type { HostSource } from '../../tui/feed/live.ts';
import { credentialsOf } from '../credentials.ts';
import { isLocalUri } from '../local-uri.ts';
import { UsageError } from '../usage-error.ts';

/** How to sample a host, as commander gives it. */
export interface SourceFlags {
  readonly also?: readonly string[];
  readonly saslUsername?: string;
  readonly saslPasswordFile?: string;
  readonly domainDeadline: number;
  readonly local?: boolean;
  readonly 'path.procfs': string;
}

/** Only the groups that the console shows. */
const CONSOLE_GROUPS: readonly GroupName[] = [
  'domain',
  'balloon',
  'vcpu',
  'block',
  'interface',
  'host',
  'hostcpus',
  'pool',
  'overcommit',
  'placement',
  'snapshot',
  'events',
  'job',
];

/** With more VMs than this, the placement of each vCPU is a few seconds old: reading it costs one call per VM. */
const PLACEMENTS_PER_TICK = 250;

/** A host to sample, with its first connection attempt to wait for. */
export interface AskedHost extends HostSource {
  attempt(): Promise<void>;
}

/** @throws UsageError on a group that does not exist */
export function groupsToAsk(also: readonly string[] = []): ReadonlySet<GroupName> {
  const names = also.flatMap((each) => each.split(',')).filter((each) => each !== '');
  const more = names.map((name) => {
    const known = groups.find((group) => group.name === name);
    if (known === undefined) {
      throw new UsageError(
        `no metric group "${name}"; choose from ${groups.map((group) => group.name).join(', ')}`,
      );
    }
    return known.name;
  });
  return new Set([...CONSOLE_GROUPS, ...more]);
}

/** One for each `URI` or `NAME=URI`, under a unique name. */
export async function openHosts(hosts: readonly string[], flags: SourceFlags): Promise<AskedHost[]> {
  const credentials = await credentialsOf(flags);
  const asked = groupsToAsk(flags.also);
  return named(hosts).map(({ name, uri }) => openHost(uri, name, asked, credentials, flags));
}

function openHost(
  uri: string,
  name: string,
  asked: ReadonlySet<GroupName>,
  credentials: Credentials | undefined,
  flags: SourceFlags,
): AskedHost {
  const domainDeadlineMs = flags.domainDeadline * 1_000;
  const sampler = new Sampler({
    ...connectionLimits(uri),
    open: (signal) =>
      connect(uri, { readOnly: true, credentials, signal, maxFrameBytes: SAMPLER_FRAME_MAX_BYTES }),
    groups: asked,
    procRoot: (flags.local ?? isLocalUri(uri)) ? flags['path.procfs'] : undefined,
    placementsPerTick: PLACEMENTS_PER_TICK,
    domainDeadlineMs,
    tickDeadlineMs: domainDeadlineMs * 4,
  });
  return {
    name,
    uri,
    groups: asked,
    sample: () => sampler.sample(),
    attempt: () => sampler.attempt(),
    close: () => sampler.close(),
  };
}

interface NamedHost {
  readonly name: string;
  readonly uri: string;
}

/** The given name, else the host's; duplicates are shown by their URI. */
export function named(hosts: readonly string[]): NamedHost[] {
  const parsed = hosts.map((text): NamedHost => {
    const [, given, rest] = /^([\w.-]+)=(.*:\/\/.*)$/.exec(text) ?? [];
    const uri = rest ?? text;
    const { host } = parseUri(uri);
    return { name: given ?? (host === undefined || host === '' ? hostname() : host), uri };
  });
  return parsed.map(({ name, uri }) => ({
    name: parsed.filter((other) => other.name === name).length > 1 ? uri : name,
    uri,
  }));
}
