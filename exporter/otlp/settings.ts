import { validateHeaderName, validateHeaderValue } from 'node:http';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import type { ReadFile } from '../../libvirt/small-file.ts';
import { ConfigError } from '../../model/config-error.ts';
import { secondsSchema } from '../../model/duration-schema.ts';
import { sizeSchema } from '../../model/size-schema.ts';
import {
  addressSchema,
  checkSize,
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

/** How to reach a receiver. */
export interface ReceiverSettings {
  /** URL that requests are posted to. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly clientCert: { readonly cert: string; readonly key: string } | undefined;
  readonly timeoutMs: number;
  readonly compress: boolean;
}

export interface OtlpSettings extends ReceiverSettings {
  readonly intervalMs: number;
  readonly queueDir: string;
  readonly queueMaxBytes: number;
  readonly queueMaxAgeMs: number;
  readonly deadLettersMaxBytes: number;
  readonly requestBytes: number;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  /** All settings including secrets, to compare them. Never to be shown. */
  readonly fingerprint: string;
}

/** Set by virtune per host. */
const OF_HOST = /^(host\.(id|name)|service\.(instance\.id|version))$/;

/** `otlp:` of the configuration file; durations are parsed to seconds. */
export const otlpSchema = z.strictObject({
  endpoint: addressSchema.optional(),
  headers_file: z.string().min(1).optional(),
  ca_file: z.string().min(1).optional(),
  cert_file: z.string().min(1).optional(),
  key_file: z.string().min(1).optional(),
  interval: secondsSchema(INTERVAL_RANGE).optional(),
  resource_attributes: z
    .record(
      z
        .string()
        .min(1)
        .refine(
          (name) => !OF_HOST.test(name),
          'virtune sets host.id, host.name, service.instance.id and service.version for each host',
        ),
      z.string(),
    )
    .optional(),
  queue_dir: z.string().min(1).optional(),
  queue_size: sizeSchema.optional(),
  queue_age: secondsSchema({ minSeconds: 1, maxSeconds: 365 * 86_400, needsUnit: true }).optional(),
  dead_letters_size: sizeSchema.optional(),
  request_size: sizeSchema.optional(),
  timeout: secondsSchema({ minSeconds: 1, maxSeconds: 600 }).optional(),
  compress: z.boolean().optional(),
});

type FileOptions = z.output<typeof otlpSchema>;
export type OptionName = keyof FileOptions;
export type OtlpOptions = SinkOptions<FileOptions>;

const DEFAULTS = {
  interval: 15,
  queue_dir: '/var/lib/virtune/otlp',
  queue_size: 2 * KIB ** 3,
  queue_age: 6.5 * 86_400,
  dead_letters_size: 256 * KIB ** 2,
  // Takes about 10 ms to build.
  request_size: 256 * KIB,
  timeout: 30,
} as const;
/** A queue record is at most 64 MiB. */
const REQUEST_RANGE: SizeRange = { minBytes: 16 * KIB, maxBytes: 16 * KIB ** 2 };
/** https://opentelemetry.io/docs/specs/otlp/#otlphttp-request */
const METRICS_PATH = '/v1/metrics';

/** URL for requests: METRICS_PATH below the endpoint, unless that includes it. */
export function metricsUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith(METRICS_PATH)) url.pathname = url.pathname.replace(/\/*$/, METRICS_PATH);
  return url.href;
}

/**
 * Reads the files named in the options.
 * @param read as readSmallFile does
 * @throws ConfigError when options conflict or are incomplete, or a file cannot be read
 */
export async function receiverSettings(options: OtlpOptions, read?: ReadFile): Promise<ReceiverSettings> {
  const { endpoint, headers_file, ca_file } = options;
  const where = originsOf<FileOptions>('otlp', options);
  if (endpoint === undefined) {
    throw new ConfigError(
      `no OTLP receiver is set${originsText<FileOptions>(options)}; set --otlp.endpoint URL, or endpoint below otlp in the file of --config.file`,
    );
  }
  return {
    url: metricsUrl(endpoint),
    headers: headers_file === undefined ? {} : await readHeaders(where('headers_file'), headers_file, read),
    ca: ca_file === undefined ? undefined : await readCaFile(where('ca_file'), ca_file, read),
    clientCert: await readClientCert(options, read),
    timeoutMs: (options.timeout ?? DEFAULTS.timeout) * 1_000,
    compress: options.compress ?? true,
  };
}

/** The folder of the queue. */
export function queueDirOf({ queue_dir }: OtlpOptions): string {
  return queue_dir ?? DEFAULTS.queue_dir;
}

/** @throws ConfigError */
export async function otlpSettings(options: OtlpOptions, read?: ReadFile): Promise<OtlpSettings> {
  const settings = {
    ...(await receiverSettings(options, read)),
    intervalMs: (options.interval ?? DEFAULTS.interval) * 1_000,
    queueDir: queueDirOf(options),
    queueMaxBytes: options.queue_size ?? DEFAULTS.queue_size,
    queueMaxAgeMs: (options.queue_age ?? DEFAULTS.queue_age) * 1_000,
    deadLettersMaxBytes: options.dead_letters_size ?? DEFAULTS.dead_letters_size,
    requestBytes: options.request_size ?? DEFAULTS.request_size,
    resourceAttributes: options.resource_attributes ?? {},
  };
  const where = originsOf<FileOptions>('otlp', options);
  checkSize(where('queue_size'), settings.queueMaxBytes, QUEUE_SIZE_RANGE);
  checkSize(where('dead_letters_size'), settings.deadLettersMaxBytes, QUEUE_SIZE_RANGE);
  checkSize(where('request_size'), settings.requestBytes, REQUEST_RANGE);
  return { ...settings, fingerprint: JSON.stringify(settings) };
}

async function readClientCert(
  options: OtlpOptions,
  read?: ReadFile,
): Promise<ReceiverSettings['clientCert']> {
  const { cert_file, key_file } = options;
  const where = originsOf<FileOptions>('otlp', options);
  if (cert_file === undefined && key_file === undefined) return undefined;
  if (key_file === undefined || cert_file === undefined) {
    const [set, missing, flag] =
      key_file === undefined
        ? (['cert_file', 'key_file', 'key-file'] as const)
        : (['key_file', 'cert_file', 'cert-file'] as const);
    throw new ConfigError(
      `${where(set)} is set without its ${missing === 'key_file' ? 'key' : 'certificate'}; set --otlp.${flag} (${missing} in the file), too`,
    );
  }
  const clientCert = {
    cert: await readSetFile(where('cert_file'), cert_file, read),
    key: await readSetFile(where('key_file'), key_file, read),
  };
  try {
    createSecureContext(clientCert);
  } catch (error) {
    throw new ConfigError(
      `${where('cert_file')} and ${where('key_file')}: the files ${cert_file} and ${key_file} are not a certificate and its key in PEM format (${(error as Error).message}); set a matching pair, the key without a passphrase`,
    );
  }
  return clientCert;
}

/** `name: value` per line; ignores empty lines and lines that begin with #. */
async function readHeaders(where: string, file: string, read?: ReadFile): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [index, line] of (await readSetFile(where, file, read)).split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const at = line.indexOf(':');
    const name = line.slice(0, at).trim().toLowerCase();
    const value = line.slice(at + 1).trim();
    try {
      validateHeaderName(at < 0 ? '' : name);
      validateHeaderValue(name, value);
    } catch {
      // Do not include the line: it may be a secret.
      throw new ConfigError(
        `${where}: line ${index + 1} of the file ${file} is not a header; write one "name: value" per line, such as "Authorization: Bearer TOKEN"`,
      );
    }
    headers[name] = value;
  }
  return headers;
}
