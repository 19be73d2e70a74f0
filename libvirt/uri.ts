import { UriError } from './errors.ts';

export type TransportKind = 'unix' | 'tls' | 'tcp' | 'ssh';

/** Parameters for the client; the rest of the query goes to the daemon. Source: libvirt's docs/uri. */
const CLIENT_PARAMS = [
  'name',
  'command',
  'socket',
  'auth',
  'sshauth',
  'netcat',
  'keyfile',
  'pkipath',
  'known_hosts',
  'known_hosts_verify',
  'tls_priority',
  'mode',
  'proxy',
  'no_sanity',
  'no_verify',
  'no_tty',
] as const;
export type ClientParam = (typeof CLIENT_PARAMS)[number];

const PROXIES = ['auto', 'netcat', 'native'];
const MODES = ['auto', 'direct', 'legacy'];

export interface ConnectionUri {
  readonly text: string;
  /** `qemu`, `test`, ... */
  readonly driver: string;
  readonly transport: TransportKind;
  readonly user: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: string;
  readonly params: ReadonlyMap<ClientParam, string>;
  /** What the daemon is asked to open: the URI without transport, host and client-only parameters. */
  readonly remoteName: string;
}

/**
 * Reads a connection URI as libvirt does: `driver[+transport]://[user@]host[:port]/path?...`.
 * Without a transport, a host means TLS and no host means the local socket.
 * @throws UriError saying what is wrong with it.
 */
export function parseUri(text: string): ConnectionUri {
  const url = parse(text);
  const [driver = '', transportName, ...rest] = url.protocol.slice(0, -1).split('+');
  if (driver === '' || rest.length > 0) throw new UriError(`${quote(text)}: expected driver[+transport]://`);
  const host = url.hostname === '' ? undefined : url.hostname.replace(/^\[|\]$/g, '');
  const transport = transportOf(text, transportName, host);
  if (transport !== 'unix' && host === undefined) {
    throw new UriError(
      `${quote(text)}: ${transport} needs a host, as in ${driver}+${transport}://host/system`,
    );
  }
  if (transport === 'unix' && host !== undefined) {
    throw new UriError(`${quote(text)}: a unix socket has no host; use ${driver}+ssh:// or ${driver}+tls://`);
  }
  const params = new Map<ClientParam, string>();
  const remoteQuery: string[] = [];
  for (const [key, value] of queryParams(text, url)) {
    if (isClientParam(key)) params.set(key, value);
    else remoteQuery.push(`${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  }
  checkParams(text, params);
  const query = remoteQuery.length > 0 ? `?${remoteQuery.join('&')}` : '';
  return {
    text,
    driver,
    transport,
    user: userOf(text, url),
    host,
    port: url.port === '' ? undefined : Number(url.port),
    path: url.pathname,
    params,
    remoteName: params.get('name') ?? `${driver}://${url.pathname}${query}`,
  };
}

/**
 * Names and values of the query, parsed as libvirt does (src/util/viruri.c, virURIParseParams): `+` is a plus, not a
 * space; after the last `&`, `;` is a separator too; parameters without a name are dropped.
 * @throws UriError where a name or value is not percent-encoded
 */
function queryParams(text: string, { search }: URL): (readonly [name: string, value: string])[] {
  const parts = search.slice(1).split('&');
  const last = parts.pop() ?? '';
  return [...parts, ...last.split(';')].flatMap((part) => {
    const [name = '', ...value] = part.split('=');
    if (name === '') return [];
    try {
      return [[decodeURIComponent(name), decodeURIComponent(value.join('='))]];
    } catch {
      throw new UriError(`${quote(text)}: ${name} is not percent-encoded; write % as %25`);
    }
  });
}

/** @throws UriError where it is not percent-encoded */
function userOf(text: string, { username }: URL): string | undefined {
  if (username === '') return undefined;
  try {
    return decodeURIComponent(username);
  } catch {
    throw new UriError(`${quote(text)}: the user is not percent-encoded; write % as %25`);
  }
}

function parse(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UriError(
      `${quote(text)} is not a libvirt URI; try qemu:///system or qemu+ssh://root@host/system`,
    );
  }
  if (!text.includes('://')) throw new UriError(`${quote(text)}: expected "://" after the driver`);
  if (url.password !== '') {
    throw new UriError(
      'a password in the URI is visible in process lists; pass it as credentials instead (virtune: --sasl-username and --sasl-password-file, or sasl of the host in the configuration file)',
    );
  }
  return url;
}

function transportOf(text: string, name: string | undefined, host: string | undefined): TransportKind {
  switch (name) {
    case undefined:
      return host === undefined ? 'unix' : 'tls';
    case 'unix':
    case 'tls':
    case 'tcp':
    case 'ssh':
      return name;
    case 'libssh':
    case 'libssh2':
    case 'ext':
      throw new UriError(
        `${quote(text)}: the transport ${name} is not supported; use +ssh (ssh of this system)`,
      );
    default:
      throw new UriError(`${quote(text)}: unknown transport "${name}"; use unix, tls, tcp or ssh`);
  }
}

function checkParams(text: string, params: ReadonlyMap<ClientParam, string>): void {
  const refuse = (key: ClientParam, why: string) => new UriError(`${quote(text)}: ${key} ${why}`);
  if (params.has('tls_priority'))
    throw refuse('tls_priority', 'is GnuTLS syntax, which is not supported; remove it');
  if (!PROXIES.includes(params.get('proxy') ?? 'auto'))
    throw refuse('proxy', `must be one of ${PROXIES.join(', ')}`);
  if (!MODES.includes(params.get('mode') ?? 'auto'))
    throw refuse('mode', `must be one of ${MODES.join(', ')}`);
  for (const key of ['no_verify', 'no_tty', 'no_sanity'] as const) {
    if (!/^\d*$/.test(params.get(key) ?? '0')) throw refuse(key, 'must be 0 or 1');
  }
}

function isClientParam(key: string): key is ClientParam {
  return (CLIENT_PARAMS as readonly string[]).includes(key);
}

/** Whether a switch such as `no_verify=1` is on. */
export function isSet(uri: ConnectionUri, key: ClientParam): boolean {
  const value = uri.params.get(key);
  return value !== undefined && value !== '' && value !== '0';
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 200));
