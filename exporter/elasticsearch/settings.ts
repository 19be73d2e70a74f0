import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from '../../model/config-error.ts';
import { secondsSchema } from '../../model/duration-schema.ts';
import { sizeSchema } from '../../model/size-schema.ts';
import { systemErrorText } from '../../model/system-error.ts';
import { NAMESPACE } from '../documents/streams.ts';
import { parseFingerprint } from './ca-fingerprint.ts';

/** How to reach a search server. */
export interface ServerSettings {
  readonly nodes: readonly string[];
  readonly cloudId: string | undefined;
  readonly auth:
    | { readonly apiKey: string }
    | { readonly username: string; readonly password: string }
    | undefined;
  readonly ca: string | undefined;
  /** SHA-256 of the CA's certificate, as parseFingerprint gives it. */
  readonly caFingerprint: string | undefined;
  readonly requestTimeoutMs: number;
  readonly compress: boolean;
}

export interface SinkSettings extends ServerSettings {
  readonly namespace: string;
  readonly intervalMs: number;
  readonly hostId: string | undefined;
  readonly metricbeatCompat: boolean;
  readonly queueDir: string;
  readonly queueMaxBytes: number;
  readonly queueMaxAgeMs: number;
  readonly deadLettersMaxBytes: number;
  readonly batchBytes: number;
  /** All that counts, secrets too: two settings with the same are the same. Never to be shown. */
  readonly fingerprint: string;
}

const KIB = 1_024;

/** A server's address; what is secret belongs into a file. */
export function isNode(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

const node = z
  .string()
  .refine(isNode, 'expected an http:// or https:// address without user name or password');

export const INTERVAL_RANGE = { minSeconds: 1, maxSeconds: 3_600 };

/** https://www.elastic.co/docs/reference/elasticsearch/index-settings/time-series: `index.look_back_time`. */
const QUEUE_AGE_RANGE = {
  minSeconds: 1,
  maxSeconds: 7 * 86_400,
  maxReason:
    'index.look_back_time of Elasticsearch is at most 7d: it would reject older documents, and they would become dead letters',
  needsUnit: true,
};

/** `elasticsearch:` of the configuration file; durations are in seconds once they are read. */
export const elasticsearchSchema = z.strictObject({
  nodes: z.array(node).min(1).optional(),
  cloud_id: z.string().min(1).optional(),
  api_key_file: z.string().min(1).optional(),
  username: z.string().min(1).optional(),
  password_file: z.string().min(1).optional(),
  ca_file: z.string().min(1).optional(),
  ca_fingerprint: z
    .string()
    .refine(
      (text) => parseFingerprint(text) !== undefined,
      'expected a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons',
    )
    .optional(),
  namespace: z
    .string()
    .regex(NAMESPACE, 'a namespace has lower-case letters, digits, _ and . only')
    .optional(),
  interval: secondsSchema(INTERVAL_RANGE).optional(),
  host_id: z.string().min(1).max(256).optional(),
  metricbeat_compat: z.boolean().optional(),
  queue_dir: z.string().min(1).optional(),
  queue_size: sizeSchema.optional(),
  /** A number was hours once: so that it does not become seconds unseen, it needs a unit. */
  queue_age: secondsSchema(QUEUE_AGE_RANGE).optional(),
  dead_letters_size: sizeSchema.optional(),
  batch_size: sizeSchema.optional(),
  timeout: secondsSchema({ minSeconds: 1, maxSeconds: 600 }).optional(),
  compress: z.boolean().optional(),
});

type FileOptions = z.output<typeof elasticsearchSchema>;
export type OptionName = keyof FileOptions;

/** As it stands in the file, and as flags give it, which go before. */
export type ElasticsearchOptions = FileOptions & {
  /** Where each option was set, for errors: a flag, or a key and its file. */
  readonly origins?: Readonly<Partial<Record<OptionName, string>>> | undefined;
};

const DEFAULTS = {
  namespace: 'default',
  interval: 10,
  queue_dir: '/var/lib/virtune/elasticsearch',
  queue_size: 2 * KIB ** 3,
  // A time series stream takes what is at most 7 days old (index.look_back_time).
  queue_age: 6.5 * 86_400,
  dead_letters_size: 256 * KIB ** 2,
  batch_size: 4 * KIB ** 2,
  timeout: 60,
} as const;
/** http.max_content_length of both servers is 100 MB by default. */
const BATCH_MIN_BYTES = 16 * KIB;
const BATCH_MAX_BYTES = 90 * 1_000_000;
const QUEUE_MIN_BYTES = KIB ** 2;

/**
 * Reads the files that the options name.
 * @throws ConfigError when they do not go together, or a file cannot be read
 */
export function serverSettings(options: ElasticsearchOptions): ServerSettings {
  const { nodes = [], cloud_id, username, password_file, api_key_file, ca_file, ca_fingerprint } = options;
  const where = originsOf(options);
  if (nodes.length === 0 && cloud_id === undefined) {
    const set = Object.values(options.origins ?? {}).join(', ');
    throw new ConfigError(
      `no search server is set${set === '' ? '' : `, only ${set}`}; set --elasticsearch URL or --elasticsearch.cloud-id ID, or nodes or cloud_id below elasticsearch in the file of --config.file`,
    );
  }
  if (nodes.length > 0 && cloud_id !== undefined) throw exclusive(where('nodes'), where('cloud_id'));
  if (username !== undefined && password_file === undefined) {
    throw new ConfigError(
      `${where('username')} is set without a password; set --elasticsearch.password-file (password_file in the file), too`,
    );
  }
  if (username === undefined && password_file !== undefined) {
    throw new ConfigError(
      `${where('password_file')} is set without a user name; set --elasticsearch.username (username in the file), too`,
    );
  }
  if (username !== undefined && api_key_file !== undefined) {
    throw exclusive(where('api_key_file'), where('username'));
  }
  if (ca_fingerprint !== undefined && ca_file !== undefined) {
    throw exclusive(where('ca_file'), where('ca_fingerprint'));
  }
  if (ca_fingerprint !== undefined && !nodes.some((url) => url.startsWith('https:'))) {
    const address = nodes.length === 0 ? where('cloud_id') : `${where('nodes')} (${nodes.join(', ')})`;
    throw new ConfigError(`${where('ca_fingerprint')} needs an https:// address in nodes, not ${address}`);
  }
  return {
    nodes,
    cloudId: cloud_id,
    auth:
      api_key_file !== undefined
        ? { apiKey: secret(where('api_key_file'), api_key_file) }
        : username !== undefined && password_file !== undefined
          ? { username, password: secret(where('password_file'), password_file) }
          : undefined,
    ca: ca_file === undefined ? undefined : read(where('ca_file'), ca_file),
    caFingerprint: ca_fingerprint === undefined ? undefined : parseFingerprint(ca_fingerprint),
    requestTimeoutMs: (options.timeout ?? DEFAULTS.timeout) * 1_000,
    compress: options.compress ?? true,
  };
}

/** The folder of the document queue. */
export function queueDirOf({ queue_dir }: ElasticsearchOptions): string {
  return queue_dir ?? DEFAULTS.queue_dir;
}

/** @throws ConfigError */
export function sinkSettings(options: ElasticsearchOptions): SinkSettings {
  const settings = {
    ...serverSettings(options),
    namespace: options.namespace ?? DEFAULTS.namespace,
    intervalMs: (options.interval ?? DEFAULTS.interval) * 1_000,
    hostId: options.host_id,
    metricbeatCompat: options.metricbeat_compat ?? false,
    queueDir: queueDirOf(options),
    queueMaxBytes: options.queue_size ?? DEFAULTS.queue_size,
    queueMaxAgeMs: (options.queue_age ?? DEFAULTS.queue_age) * 1_000,
    deadLettersMaxBytes: options.dead_letters_size ?? DEFAULTS.dead_letters_size,
    batchBytes: options.batch_size ?? DEFAULTS.batch_size,
  };
  const where = originsOf(options);
  if (settings.batchBytes < BATCH_MIN_BYTES || settings.batchBytes > BATCH_MAX_BYTES) {
    throw new ConfigError(
      `${where('batch_size')}: expected ${BATCH_MIN_BYTES} to ${BATCH_MAX_BYTES} bytes, since servers accept requests of at most 100 MB by default`,
    );
  }
  if (settings.queueMaxBytes < QUEUE_MIN_BYTES) {
    throw new ConfigError(`${where('queue_size')}: expected at least 1MiB`);
  }
  if (settings.deadLettersMaxBytes < QUEUE_MIN_BYTES) {
    throw new ConfigError(`${where('dead_letters_size')}: expected at least 1MiB`);
  }
  return { ...settings, fingerprint: JSON.stringify(settings) };
}

/** Where an option was set, for an error. */
function originsOf({ origins }: ElasticsearchOptions): (name: OptionName) => string {
  return (name) => origins?.[name] ?? `elasticsearch.${name}`;
}

function exclusive(one: string, other: string): ConfigError {
  return new ConfigError(`${one} and ${other} are both set; remove one of them`);
}

/** Its first line. */
function secret(where: string, file: string): string {
  const [line = ''] = read(where, file).split(/\r?\n/);
  if (line === '') throw new ConfigError(`${where}: the file ${file} is empty`);
  return line;
}

function read(where: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${where}: the file ${file} cannot be read: ${systemErrorText(error)}`);
  }
}
