import { validateHeaderValue } from 'node:http';
import { dirname, resolve } from 'node:path';
import {
  createSecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type TlsOptions,
} from 'node:tls';
import { z } from 'zod';
import { readSmallFile } from '../../libvirt/small-file.ts';
import { certificateFault } from '../../libvirt/transport/certificate-fault.ts';
import { ConfigError } from '../../model/config-error.ts';
import { secondsSchema } from '../../model/duration-schema.ts';
import { readYamlFile } from '../config/yaml-file.ts';
import { CIPHER_SUITES, cipherSuite } from './cipher-suites.ts';
import type { RateLimit } from './rate-limit.ts';

/**
 * The format of Prometheus' exporter-toolkit
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md), with all fields. Only HTTP/2
 * is not supported, and `http2: true` is rejected rather than ignored.
 */
const VERSIONS = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
/** Go's curve names as used by the toolkit, mapped to OpenSSL's. */
const CURVES = {
  CurveP256: 'prime256v1',
  CurveP384: 'secp384r1',
  CurveP521: 'secp521r1',
  X25519: 'X25519',
} as const;
const CLIENT_AUTH = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

/** Headers that can be set, as in the toolkit. */
const HEADERS = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
] as const;

/** Blank: the header is not set. */
const headerValue = z
  .string()
  .nullable()
  .transform((value) => value ?? '')
  .refine((value) => {
    try {
      validateHeaderValue('x', value);
      return true;
    } catch {
      return false;
    }
  }, 'a header must be one line without control characters');
const version = z.enum(['TLS10', 'TLS11', 'TLS12', 'TLS13']);
/**
 * OpenSSL 3 supports TLS 1.0 and 1.1 only at a security level below that of Node.js (SSL_CTX_set_security_level(3)).
 */
const maxVersion = version.refine(
  (name) => name === 'TLS12' || name === 'TLS13',
  'no client could connect: OpenSSL 3 has TLS 1.0 and 1.1 at security level 0 only; use TLS12 or TLS13',
);
/** The toolkit's older word for RequireAnyClientCert. */
const clientAuth = z
  .enum([...CLIENT_AUTH, 'RequireClientCert', ''])
  .transform((word) =>
    word === 'RequireClientCert' ? 'RequireAnyClientCert' : word === '' ? 'NoClientCert' : word,
  );
/** The toolkit reads a number without a unit as nanoseconds: only 0 can be meant. */
const interval = secondsSchema({ needsUnit: true }).transform((seconds) => seconds * 1_000);
/** The toolkit treats a key whose content is commented out as absent, even one that restricts access. */
const refusesNull = (effect: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    input === null ? `it has no content, so ${effect}, or remove the key` : undefined,
});
const schema = z.strictObject({
  tls_server_config: z
    .strictObject(
      {
        cert: z.string().min(1).optional(),
        key: z.string().min(1).optional(),
        client_ca: z.string().min(1).optional(),
        cert_file: z.string().min(1).optional(),
        key_file: z.string().min(1).optional(),
        client_auth_type: clientAuth.optional(),
        client_ca_file: z.string().min(1).optional(),
        client_allowed_sans: z
          .array(z.string(), refusesNull('a certificate with any name would be accepted; list names'))
          .optional(),
        min_version: version.optional(),
        max_version: maxVersion.optional(),
        cipher_suites: z.array(cipherSuite).nullish(),
        prefer_server_cipher_suites: z.boolean().optional(),
        curve_preferences: z.array(z.enum(Object.keys(CURVES) as (keyof typeof CURVES)[])).nullish(),
      },
      refusesNull('all would be plain text; set cert_file and key_file'),
    )
    .optional(),
  http_server_config: z
    .strictObject({
      http2: z.literal(false, 'HTTP/2 is not supported; omit it or set it to false').optional(),
      headers: z.partialRecord(z.enum(HEADERS), headerValue).nullish(),
    })
    .nullish(),
  basic_auth_users: z
    .record(
      z.string().min(1),
      z
        .string()
        .regex(
          /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/,
          'expected a bcrypt hash, as made by htpasswd -nBC 10',
        ),
      refusesNull('no client would need a password; name a user'),
    )
    .optional(),
  rate_limit: z
    .strictObject({ interval: interval.optional(), burst: z.int().min(0).optional() })
    .refine(
      ({ interval = 0, burst = 0 }) => interval === 0 || burst >= 1,
      'burst must be at least 1, or every request would be rejected',
    )
    .nullish(),
});

export interface WebConfig {
  readonly tls: TlsOptions | undefined;
  readonly clientAuth: (typeof CLIENT_AUTH)[number];
  /** If not empty, a client's certificate is verified and must contain one of these names. */
  readonly allowedSans: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** User to bcrypt hash; empty: no password is asked for. */
  readonly users: ReadonlyMap<string, string>;
  /** Undefined: no limit. */
  readonly rateLimit: RateLimit | undefined;
}

export const OPEN_WEB: WebConfig = {
  tls: undefined,
  clientAuth: 'NoClientCert',
  allowedSans: [],
  headers: {},
  users: new Map(),
  rateLimit: undefined,
};

/** Paths in it are relative to its folder. @throws ConfigError */
export async function readWebConfig(path: string): Promise<WebConfig> {
  const given = await readYamlFile(path, schema);
  const { tls_server_config: tls } = given;
  const { interval: intervalMs = 0, burst = 0 } = given.rate_limit ?? {};
  return {
    tls: tls && (await tlsOptions(path, tls)),
    clientAuth: tls?.client_auth_type ?? 'NoClientCert',
    allowedSans: tls?.client_allowed_sans ?? [],
    headers: Object.fromEntries(
      Object.entries(given.http_server_config?.headers ?? {}).filter(([, value]) => value !== ''),
    ),
    users: new Map(Object.entries(given.basic_auth_users ?? {})),
    rateLimit: intervalMs === 0 ? undefined : { intervalMs, burst },
  };
}

type TlsGiven = NonNullable<z.output<typeof schema>['tls_server_config']>;

async function tlsOptions(path: string, given: TlsGiven): Promise<TlsOptions> {
  /** The inline value, or the content of the file named; the latter wins, as in the toolkit. */
  const read = async (key: 'cert' | 'key' | 'client_ca'): Promise<Buffer | string | undefined> => {
    const file = given[`${key}_file`];
    if (file === undefined) return given[key];
    try {
      return await readSmallFile(resolve(dirname(path), file));
    } catch (error) {
      throw new ConfigError(`${path}: tls_server_config.${key}_file: ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
  for (const key of ['cert', 'key'] as const) {
    if (given[key] === undefined && given[`${key}_file`] === undefined)
      throw new ConfigError(`${path}: tls_server_config: ${key}_file (or ${key}) is missing`);
  }
  const auth = given.client_auth_type ?? 'NoClientCert';
  const verifies = auth === 'VerifyClientCertIfGiven' || auth === 'RequireAndVerifyClientCert';
  const ca = await read('client_ca');
  const fault = ca === undefined ? undefined : certificateFault(ca.toString('latin1'));
  if (fault !== undefined) {
    const key = given.client_ca_file === undefined ? 'client_ca' : 'client_ca_file';
    throw new ConfigError(`${path}: tls_server_config.${key} ${fault}`);
  }
  if (verifies && ca === undefined) {
    throw new ConfigError(`${path}: tls_server_config: ${auth} needs a client_ca_file`);
  }
  if (ca !== undefined && auth === 'NoClientCert') {
    throw new ConfigError(
      `${path}: tls_server_config: client_ca_file has no effect without client_auth_type; set RequireAndVerifyClientCert, or omit it`,
    );
  }
  if ((given.client_allowed_sans ?? []).length > 0 && !verifies) {
    throw new ConfigError(
      `${path}: tls_server_config: client_allowed_sans proves nothing with ${auth}, since anyone can make a certificate with these names; set client_auth_type: RequireAndVerifyClientCert and client_ca_file`,
    );
  }
  // An empty list means the defaults, as in the toolkit.
  const suites = given.cipher_suites ?? [];
  const curves = given.curve_preferences ?? [];
  const context: SecureContextOptions = {
    cert: await read('cert'),
    key: await read('key'),
    minVersion: VERSIONS[given.min_version ?? 'TLS12'] satisfies SecureVersion,
    maxVersion: VERSIONS[given.max_version ?? 'TLS13'] satisfies SecureVersion,
    honorCipherOrder: given.prefer_server_cipher_suites ?? true,
    ...(suites.length > 0 && { ciphers: suites.map((suite) => CIPHER_SUITES[suite]).join(':') }),
    ...(curves.length > 0 && { ecdhCurve: curves.map((curve) => CURVES[curve]).join(':') }),
    ...(ca !== undefined && { ca }),
  };
  try {
    createSecureContext(context);
  } catch (error) {
    throw new ConfigError(
      `${path}: tls_server_config: ${(error as Error).message}; check that the key matches the certificate`,
    );
  }
  return {
    ...context,
    requestCert: auth !== 'NoClientCert',
    rejectUnauthorized: auth === 'RequireAndVerifyClientCert',
  };
}
