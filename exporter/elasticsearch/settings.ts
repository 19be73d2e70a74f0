import { z } from 'zod';
import type { ReadFile } from '../../libvirt/small-file.ts';
import { ConfigError } from '../../model/config-error.ts';
import { secondsSchema } from '../../model/duration-schema.ts';
import { sizeSchema } from '../../model/size-schema.ts';
import { NAMESPACE } from '../documents/streams.ts';
import {
  addressSchema,
  checkSize,
  exclusive,
  INTERVAL_RANGE,
  KIB,
  originsOf,
  originsText,
  QUEUE_SIZE_RANGE,
  readCaFile,
  readSetFile,
  type SinkOptions,
  type SizeRange,
} from '../sink-options.ts';
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
  /** SHA-256 of the CA's certificate, from parseFingerprint. */
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
  /** All settings including secrets, to compare them. Never to be shown. */
  readonly fingerprint: string;
}

/** https://www.elastic.co/docs/reference/elasticsearch/index-settings/time-series: `index.look_back_time`. */
const QUEUE_AGE_RANGE = {
  minSeconds: 1,
  maxSeconds: 7 * 86_400,
  maxReason:
    'index.look_back_time of Elasticsearch is at most 7d: it would reject older documents, and they would become dead letters',
  needsUnit: true,
};

/** `elasticsearch:` of the configuration file; durations are parsed to seconds. */
export const elasticsearchSchema = z.strictObject({
  nodes: z.array(addressSchema).min(1).optional(),
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
  /** Used to be a number of hours: a unit is required so that it does not silently become seconds. */
  queue_age: secondsSchema(QUEUE_AGE_RANGE).optional(),
  dead_letters_size: sizeSchema.optional(),
  batch_size: sizeSchema.optional(),
  timeout: secondsSchema({ minSeconds: 1, maxSeconds: 600 }).optional(),
  compress: z.boolean().optional(),
});

type FileOptions = z.output<typeof elasticsearchSchema>;
export type OptionName = keyof FileOptions;
export type ElasticsearchOptions = SinkOptions<FileOptions>;

const DEFAULTS = {
  namespace: 'default',
  interval: 10,
  queue_dir: '/var/lib/virtune/elasticsearch',
  queue_size: 2 * KIB ** 3,
  // A time series stream accepts documents up to 7 days old (index.look_back_time).
  queue_age: 6.5 * 86_400,
  dead_letters_size: 256 * KIB ** 2,
  batch_size: 4 * KIB ** 2,
  timeout: 60,
} as const;
/** http.max_content_length of both servers is 100 MB by default. */
const BATCH_RANGE: SizeRange = {
  minBytes: 16 * KIB,
  maxBytes: 90 * 1_000_000,
  maxReason: 'servers accept requests of at most 100 MB by default',
};

/**
 * Reads the files named in the options.
 * @param read as readSmallFile does
 * @throws ConfigError when options conflict or are incomplete, or a file cannot be read
 */
export async function serverSettings(
  options: ElasticsearchOptions,
  read?: ReadFile,
): Promise<ServerSettings> {
  const { nodes = [], cloud_id, username, password_file, api_key_file, ca_file, ca_fingerprint } = options;
  const where = originsOf<FileOptions>('elasticsearch', options);
  if (nodes.length === 0 && cloud_id === undefined) {
    throw new ConfigError(
      `no search server is set${originsText<FileOptions>(options)}; set --elasticsearch URL or --elasticsearch.cloud-id ID, or nodes or cloud_id below elasticsearch in the file of --config.file`,
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
        ? { apiKey: await secret(where('api_key_file'), api_key_file, read) }
        : username !== undefined && password_file !== undefined
          ? { username, password: await secret(where('password_file'), password_file, read) }
          : undefined,
    ca: ca_file === undefined ? undefined : await readCaFile(where('ca_file'), ca_file, read),
    caFingerprint: ca_fingerprint === undefined ? undefined : parseFingerprint(ca_fingerprint),
    requestTimeoutMs: (options.timeout ?? DEFAULTS.timeout) * 1_000,
    compress: options.compress ?? true,
  };
}

/** The folder of the document queue. */
export function queueDirOf({ queue_dir }: ElasticsearchOptions): string {
  return queue_dir ?? DEFAULTS.queue_dir;
}

/** Maximum age of queued documents. */
export function queueMaxAgeSeconds({ queue_age }: ElasticsearchOptions): number {
  return queue_age ?? DEFAULTS.queue_age;
}

/** @throws ConfigError */
export async function sinkSettings(options: ElasticsearchOptions, read?: ReadFile): Promise<SinkSettings> {
  const settings = {
    ...(await serverSettings(options, read)),
    namespace: options.namespace ?? DEFAULTS.namespace,
    intervalMs: (options.interval ?? DEFAULTS.interval) * 1_000,
    hostId: options.host_id,
    metricbeatCompat: options.metricbeat_compat ?? false,
    queueDir: queueDirOf(options),
    queueMaxBytes: options.queue_size ?? DEFAULTS.queue_size,
    queueMaxAgeMs: queueMaxAgeSeconds(options) * 1_000,
    deadLettersMaxBytes: options.dead_letters_size ?? DEFAULTS.dead_letters_size,
    batchBytes: options.batch_size ?? DEFAULTS.batch_size,
  };
  const where = originsOf<FileOptions>('elasticsearch', options);
  checkSize(where('batch_size'), settings.batchBytes, BATCH_RANGE);
  checkSize(where('queue_size'), settings.queueMaxBytes, QUEUE_SIZE_RANGE);
  checkSize(where('dead_letters_size'), settings.deadLettersMaxBytes, QUEUE_SIZE_RANGE);
  return { ...settings, fingerprint: JSON.stringify(settings) };
}

/** Its first line. */
async function secret(where: string, file: string, read?: ReadFile): Promise<string> {
  const [line = ''] = (await readSetFile(where, file, read)).split(/\r?\n/);
  if (line === '') {
    throw new ConfigError(`${where}: the file ${file} is empty; write the secret in its first line`);
  }
  return line;
}
