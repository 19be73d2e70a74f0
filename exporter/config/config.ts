import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Credentials } from '../../libvirt/auth/mechanism.ts';
import { readSmallFile } from '../../libvirt/small-file.ts';
import { parseUri } from '../../libvirt/uri.ts';
import { DEFAULT_GROUPS, type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { ConfigError } from '../../model/config-error.ts';
import { compileMetadata, type MetadataReader } from '../../model/domain/custom-metadata.ts';
import { secondsSchema } from '../../model/duration-schema.ts';
import { unreadableText } from '../../model/system-error.ts';
import { parseYaml } from '../../model/yaml.ts';
import { type ElasticsearchOptions, elasticsearchSchema } from '../elasticsearch/settings.ts';
import { type OtlpOptions, otlpSchema } from '../otlp/settings.ts';
import type { SinkOptions } from '../sink-options.ts';
import { readYamlFile } from './yaml-file.ts';

const GROUP_NAMES = groups.map((group) => group.name) as [GroupName, ...GroupName[]];

const uri = z.string().superRefine((text, context) => {
  try {
    parseUri(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});
const seconds = secondsSchema({ minSeconds: 0.001, maxSeconds: 3_600 });
const collect = z.partialRecord(z.enum(GROUP_NAMES), z.boolean());
const host = z.strictObject({
  uri,
  sasl: z.strictObject({ username: z.string().min(1), password_file: z.string().min(1) }).optional(),
  collect: collect.optional(),
  domain_deadline: seconds.optional(),
  scrape_deadline: seconds.optional(),
  maintenance: z.boolean().optional(),
  host_id: z.string().min(1).max(256).optional(),
});
/** Used in URLs and labels, so it must not need quoting in either. */
const hostName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,252}$/, 'a host name has letters, digits and . _ : - only');
const metadata = z.strictObject({
  namespaces: z.record(z.string(), z.string()).optional(),
  labels: z.record(
    z.string().regex(/^[a-z_][a-z0-9_]{0,63}$/, 'a label name has lower-case letters, digits and _ only'),
    z.string().min(1),
  ),
});
const schema = z.strictObject({
  /** The libvirt behind /metrics; false for none. */
  local: z.union([uri, z.literal(false)]).optional(),
  /** Of that host. */
  maintenance: z.boolean().optional(),
  hosts: z.record(hostName, host).optional(),
  collect: collect.optional(),
  metadata: metadata.optional(),
  elasticsearch: elasticsearchSchema.optional(),
  otlp: otlpSchema.optional(),
});

/** One libvirt to query, and how. */
export interface HostSettings {
  /** Key in `hosts:` of the configuration; absent for the local host. */
  readonly name?: string | undefined;
  /** `host.id` of what is sent, instead of the UUID that its libvirt reports. */
  readonly hostId?: string | undefined;
  readonly uri: string;
  readonly credentials?: Credentials | undefined;
  readonly groups: ReadonlySet<GroupName>;
  readonly domainDeadlineMs?: number | undefined;
  readonly tickDeadlineMs?: number | undefined;
  readonly procRoot?: string | undefined;
  readonly driftFile?: string | undefined;
  readonly cgroupRoot?: string | undefined;
  readonly metadata?: MetadataReader | undefined;
  /**
   * Whether the host is in maintenance: not counted as capacity, and without alerts. Changing it needs no new
   * connection.
   */
  readonly maintenance?: boolean | undefined;
  /**
   * Everything that affects how the host is queried, including the password, to compare settings. Never to be shown.
   */
  readonly fingerprint: string;
}

export interface ExporterConfig {
  /** Absent if not in the file: flags and defaults apply. */
  readonly local: string | false | undefined;
  /** Of the local host. */
  readonly maintenance?: boolean | undefined;
  readonly collect: Readonly<Partial<Record<GroupName, boolean>>>;
  readonly hosts: ReadonlyMap<string, HostSettings>;
  readonly metadata: MetadataReader | undefined;
  readonly metadataFingerprint: string;
  /** File paths are resolved relative to this file's folder. */
  readonly elasticsearch: ElasticsearchOptions | undefined;
  /** File paths likewise. */
  readonly otlp: OtlpOptions | undefined;
}

/** @throws ConfigError */
export async function readConfig(path: string): Promise<ExporterConfig> {
  return toConfig(path, await readYamlFile(path, schema));
}

/** @throws ConfigError */
export async function parseConfig(path: string, text: string): Promise<ExporterConfig> {
  return toConfig(path, parseYaml(path, text, schema));
}

/** The enabled groups: the defaults, modified by each of `changes` in turn. */
export function chooseGroups(
  ...changes: readonly (Readonly<Partial<Record<GroupName, boolean>>> | undefined)[]
): ReadonlySet<GroupName> {
  const chosen = new Set(DEFAULT_GROUPS);
  for (const change of changes) {
    for (const [name, on] of Object.entries(change ?? {}) as [GroupName, boolean][]) {
      if (on) chosen.add(name);
      else chosen.delete(name);
    }
  }
  return chosen;
}

async function toConfig(path: string, given: z.output<typeof schema>): Promise<ExporterConfig> {
  const reader = given.metadata && compile(path, given.metadata);
  const metadataFingerprint = JSON.stringify(given.metadata ?? null);
  const hosts = new Map<string, HostSettings>();
  for (const [name, settings] of Object.entries(given.hosts ?? {})) {
    const { maintenance, ...asked } = settings;
    const secret = settings.sasl && (await credentials(path, name, settings.sasl));
    const of: HostSettings = {
      name,
      hostId: settings.host_id,
      uri: settings.uri,
      credentials: secret,
      groups: chooseGroups(given.collect, settings.collect),
      domainDeadlineMs: settings.domain_deadline && settings.domain_deadline * 1_000,
      tickDeadlineMs: settings.scrape_deadline && settings.scrape_deadline * 1_000,
      metadata: reader,
      maintenance,
      fingerprint: JSON.stringify([asked, secret, given.collect ?? null, metadataFingerprint]),
    };
    hosts.set(name, of);
  }
  return {
    local: given.local,
    maintenance: given.maintenance,
    collect: given.collect ?? {},
    hosts,
    metadata: reader,
    metadataFingerprint,
    elasticsearch:
      given.elasticsearch &&
      sinkOptions(path, 'elasticsearch', given.elasticsearch, [
        'api_key_file',
        'password_file',
        'ca_file',
        'queue_dir',
      ]),
    otlp:
      given.otlp &&
      sinkOptions(path, 'otlp', given.otlp, [
        'headers_file',
        'ca_file',
        'cert_file',
        'key_file',
        'queue_dir',
      ]),
  };
}

/**
 * A section of the configuration file, with where each option was set.
 * @param paths keys whose value is a path, relative to the file's folder
 */
function sinkOptions<O extends object>(
  path: string,
  section: string,
  given: O,
  paths: readonly (keyof O & string)[],
): SinkOptions<O> {
  const resolved = paths.flatMap((key) => {
    const file = given[key];
    return typeof file === 'string' ? [[key, resolve(dirname(path), file)] as const] : [];
  });
  const origins: Partial<Record<keyof O, string>> = {};
  for (const key of Object.keys(given) as (keyof O & string)[]) origins[key] = `${section}.${key} in ${path}`;
  return { ...given, ...Object.fromEntries(resolved), origins };
}

function compile(path: string, given: z.output<typeof metadata>): MetadataReader {
  try {
    return compileMetadata(given.labels, given.namespaces);
  } catch (error) {
    throw new ConfigError(`${path}: metadata: ${(error as Error).message}`);
  }
}

async function credentials(
  path: string,
  name: string,
  sasl: { username: string; password_file: string },
): Promise<Credentials> {
  const file = resolve(dirname(path), sasl.password_file);
  try {
    return { username: sasl.username, password: (await readSmallFile(file)).toString().split('\n')[0] ?? '' };
  } catch (error) {
    throw new ConfigError(
      `${path}: hosts.${name}.sasl.password_file: ${file} cannot be read: ${unreadableText(error)}`,
      { cause: error },
    );
  }
}
