import { readFileSync } from 'node:fs';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { ConfigError } from '../../model/config-error.ts';
import { secondsSchema } from '../../model/duration-schema.ts';
import { sizeSchema } from '../../model/size-schema.ts';
import { systemErrorText } from '../../model/system-error.ts';

/** How to reach a receiver. */
export interface ReceiverSettings {
  /** To which requests are posted. */
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
  /** All that counts, secrets too: two settings with the same are the same. Never to be shown. */
  readonly fingerprint: string;
}

export const INTERVAL_RANGE = { minSeconds: 1, maxSeconds: 3_600 };

/** A receiver's address; what is secret belongs into a file. */
export function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

/** Each host has its own. */
const OF_HOST = /^(host\.(id|name)|service\.(instance\.id|version))$/;

/** `otlp:` of the configuration file; durations are in seconds once they are read. */
export const otlpSchema = z.strictObject({
  endpoint: z
    .string()
    .refine(isEndpoint, 'expected an http:// or https:// address without user name or password')
    .optional(),
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

/** As it stands in the file, and as flags give it, which go before. */
export type OtlpOptions = z.output<typeof otlpSchema>;

const KIB = 1_024;
const DEFAULTS = {
  interval: 15,
  queue_dir: '/var/lib/virtune/otlp',
  queue_size: 2 * KIB ** 3,
  queue_age: 6.5 * 86_400,
  dead_letters_size: 256 * KIB ** 2,
  // About 10 ms of making it.
  request_size: 256 * KIB,
  timeout: 30,
} as const;
const QUEUE_MIN_BYTES = KIB ** 2;
const REQUEST_MIN_BYTES = 16 * KIB;
/** A record of the queue has at most 64 MiB. */
const REQUEST_MAX_BYTES = 16 * KIB ** 2;
/** https://opentelemetry.io/docs/specs/otlp/#otlphttp-request */
const METRICS_PATH = '/v1/metrics';

/** Where requests are posted: below the endpoint, unless it names that already. */
export function metricsUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith(METRICS_PATH)) url.pathname = url.pathname.replace(/\/*$/, METRICS_PATH);
  return url.href;
}

/**
 * Reads the files that the options name.
 * @throws ConfigError when they do not go together, or a file cannot be read
 */
export function receiverSettings(options: OtlpOptions): ReceiverSettings {
  const { endpoint, headers_file, ca_file, cert_file, key_file } = options;
  if (endpoint === undefined) throw new ConfigError('otlp: set an endpoint');
  if ((cert_file === undefined) !== (key_file === undefined)) {
    throw new ConfigError('otlp: cert_file and key_file must be set together');
  }
  return {
    url: metricsUrl(endpoint),
    headers: headers_file === undefined ? {} : parseHeaders(headers_file, read('headers', headers_file)),
    ca: ca_file === undefined ? undefined : read('CA', ca_file),
    clientCert:
      cert_file === undefined || key_file === undefined
        ? undefined
        : { cert: read('certificate', cert_file), key: read('key', key_file) },
    timeoutMs: (options.timeout ?? DEFAULTS.timeout) * 1_000,
    compress: options.compress ?? true,
  };
}

/** @throws ConfigError */
export function otlpSettings(options: OtlpOptions): OtlpSettings {
  const settings = {
    ...receiverSettings(options),
    intervalMs: (options.interval ?? DEFAULTS.interval) * 1_000,
    queueDir: options.queue_dir ?? DEFAULTS.queue_dir,
    queueMaxBytes: options.queue_size ?? DEFAULTS.queue_size,
    queueMaxAgeMs: (options.queue_age ?? DEFAULTS.queue_age) * 1_000,
    deadLettersMaxBytes: options.dead_letters_size ?? DEFAULTS.dead_letters_size,
    requestBytes: options.request_size ?? DEFAULTS.request_size,
    resourceAttributes: options.resource_attributes ?? {},
  };
  if (settings.queueMaxBytes < QUEUE_MIN_BYTES) {
    throw new ConfigError(`otlp: a queue has at least ${QUEUE_MIN_BYTES} bytes`);
  }
  if (settings.deadLettersMaxBytes < QUEUE_MIN_BYTES) {
    throw new ConfigError(`otlp: dead letters have at least ${QUEUE_MIN_BYTES} bytes`);
  }
  if (settings.requestBytes < REQUEST_MIN_BYTES || settings.requestBytes > REQUEST_MAX_BYTES) {
    throw new ConfigError(`otlp: a request has from ${REQUEST_MIN_BYTES} to ${REQUEST_MAX_BYTES} bytes`);
  }
  return { ...settings, fingerprint: JSON.stringify(settings) };
}

/** `name: value` per line; empty lines and lines that begin with # count for nothing. */
function parseHeaders(file: string, text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const at = line.indexOf(':');
    const name = line.slice(0, at).trim().toLowerCase();
    const value = line.slice(at + 1).trim();
    try {
      validateHeaderName(at < 0 ? '' : name);
      validateHeaderValue(name, value);
    } catch {
      // Without the line: it may be a secret.
      throw new ConfigError(`otlp: ${file}: line ${index + 1} is not a header; expected name: value`);
    }
    headers[name] = value;
  }
  return headers;
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`otlp: the ${what} file ${file} cannot be read: ${systemErrorText(error)}`);
  }
}
