import { readFileSync } from 'node:fs';
import { validateHeaderValue } from 'node:http';
import { dirname, resolve } from 'node:path';
import {
  createSecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type TlsOptions,
} from 'node:tls';
import { z } from 'zod';
import { ConfigError } from '../../model/yaml.ts';
import { readYamlFile } from '../config/yaml-file.ts';

/**
 * The format of Prometheus' exporter-toolkit
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md). What Node.js cannot
 * do of it (HTTP/2, choosing curves by Go's names) is refused rather than passed over.
 */
const VERSIONS = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
const CLIENT_AUTH = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

/** Headers that the toolkit lets one set. */
const HEADERS = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
] as const;

const headerValue = z.string().refine((value) => {
  try {
    validateHeaderValue('x', value);
    return true;
  } catch {
    return false;
  }
}, 'a header is one line, without control characters');
const version = z.enum(['TLS10', 'TLS11', 'TLS12', 'TLS13']);
const schema = z.strictObject({
  tls_server_config: z
    .strictObject({
      cert_file: z.string().min(1),
      key_file: z.string().min(1),
      client_auth_type: z.enum(CLIENT_AUTH).optional(),
      client_ca_file: z.string().optional(),
      client_allowed_sans: z.array(z.string()).optional(),
      min_version: version.optional(),
      max_version: version.optional(),
      cipher_suites: z.array(z.string().regex(/^TLS_[A-Z0-9_]+$/)).optional(),
      prefer_server_cipher_suites: z.boolean().optional(),
    })
    .optional(),
  http_server_config: z
    .strictObject({
      http2: z.literal(false, 'HTTP/2 is not served; leave it out or say false').optional(),
      headers: z.partialRecord(z.enum(HEADERS), headerValue).optional(),
    })
    .optional(),
  basic_auth_users: z
    .record(
      z.string().min(1),
      z
        .string()
        .regex(
          /^\$2[aby]\$\d{2}\$[./A-Za-z0-9]{53}$/,
          'a bcrypt hash is expected, as htpasswd -nBC 10 makes it',
        ),
    )
    .optional(),
});

export interface WebConfig {
  readonly tls: TlsOptions | undefined;
  readonly clientAuth: (typeof CLIENT_AUTH)[number];
  /** Any of these names must stand in a client's certificate; empty: any will do. */
  readonly allowedSans: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** User to bcrypt hash; empty: no password is asked for. */
  readonly users: ReadonlyMap<string, string>;
}

export const OPEN_WEB: WebConfig = {
  tls: undefined,
  clientAuth: 'NoClientCert',
  allowedSans: [],
  headers: {},
  users: new Map(),
};

/** Paths in it count from its own folder. @throws ConfigError */
export function readWebConfig(path: string): WebConfig {
  const given = readYamlFile(path, schema);
  const { tls_server_config: tls } = given;
  return {
    tls: tls && tlsOptions(path, tls),
    clientAuth: tls?.client_auth_type ?? 'NoClientCert',
    allowedSans: tls?.client_allowed_sans ?? [],
    headers: Object.fromEntries(
      Object.entries(given.http_server_config?.headers ?? {}).filter(([, value]) => value !== ''),
    ),
    users: new Map(Object.entries(given.basic_auth_users ?? {})),
  };
}

type TlsGiven = NonNullable<z.output<typeof schema>['tls_server_config']>;

function tlsOptions(path: string, given: TlsGiven): TlsOptions {
  const read = (key: string, file: string): Buffer => {
    try {
      return readFileSync(resolve(dirname(path), file));
    } catch (error) {
      throw new ConfigError(`${path}: tls_server_config.${key}: ${(error as Error).message}`);
    }
  };
  const auth = given.client_auth_type ?? 'NoClientCert';
  const verifies = auth === 'VerifyClientCertIfGiven' || auth === 'RequireAndVerifyClientCert';
  if (verifies && given.client_ca_file === undefined) {
    throw new ConfigError(`${path}: tls_server_config: ${auth} needs a client_ca_file to verify against`);
  }
  const context: SecureContextOptions = {
    cert: read('cert_file', given.cert_file),
    key: read('key_file', given.key_file),
    minVersion: VERSIONS[given.min_version ?? 'TLS12'] satisfies SecureVersion,
    maxVersion: VERSIONS[given.max_version ?? 'TLS13'] satisfies SecureVersion,
    honorCipherOrder: given.prefer_server_cipher_suites ?? true,
    ...(given.cipher_suites && { ciphers: opensslNames(given.cipher_suites) }),
    ...(given.client_ca_file !== undefined && { ca: read('client_ca_file', given.client_ca_file) }),
  };
  try {
    createSecureContext(context);
  } catch (error) {
    throw new ConfigError(
      `${path}: tls_server_config: ${(error as Error).message}; does the key belong to the certificate, and are the cipher_suites ones that OpenSSL knows?`,
    );
  }
  return {
    ...context,
    requestCert: auth !== 'NoClientCert',
    rejectUnauthorized: auth === 'RequireAndVerifyClientCert',
  };
}

/** Go's `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is OpenSSL's `ECDHE-RSA-AES128-GCM-SHA256`; TLS 1.3 names agree. */
function opensslNames(suites: readonly string[]): string {
  return suites
    .map((suite) =>
      suite.includes('_WITH_')
        ? suite
            .replace(/^TLS_/, '')
            .replace('_WITH_', '_')
            .replace(/AES_(\d+)/, 'AES$1')
            .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20_POLY1305')
            .replaceAll('_', '-')
        : suite,
    )
    .join(':');
}
