import { authenticate } from '../auth/authenticate.ts';
import type { Credentials } from '../auth/mechanism.ts';
import { ConnectFlag, Feature } from '../constants.ts';
import { ClosedError, ConnectError, LibvirtClientError } from '../errors.ts';
import { timeoutError } from '../transport/connected.ts';
import type { PkiReader } from '../transport/pki.ts';
import { openSsh } from '../transport/ssh.ts';
import { openTcp } from '../transport/tcp.ts';
import { openTls } from '../transport/tls.ts';
import type { Transport } from '../transport/transport.ts';
import { openUnix } from '../transport/unix.ts';
import { type ConnectionUri, parseUri } from '../uri.ts';
import { type CallObserver, Connection } from './connection.ts';
import type { KeepAliveOptions } from './keepalive.ts';

export interface ConnectOptions {
  /** True by default: only calls on the allow list are sent, and the daemon's read-only socket is used. */
  readonly readOnly?: boolean | undefined;
  /**
   * Opens a writable connection, which libvirt requires for calls to guest agents, and restricts it to those: the
   * client refuses any call that is not in GUEST_AGENT_CALLS. `readOnly` is ignored.
   */
  readonly guestAgentOnly?: boolean | undefined;
  /** For a daemon that requires SASL. */
  readonly credentials?: Credentials | undefined;
  /** For transport, authentication and opening together. 10 s by default. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** libvirt's own 5 s and 5 misses by default; false for none. */
  readonly keepAlive?: KeepAliveOptions | false | undefined;
  /** Observes each call, for metrics of how the daemon responds. */
  readonly observe?: CallObserver | undefined;
  /**
   * Limits one frame from the daemon; default: the protocol's 32 MiB. A reply of that size has some million values, and
   * takes a second and 300 MB to decode.
   */
  readonly maxFrameBytes?: number | undefined;
  /** Reads certificates and keys for TLS; a long-running process may cache them. */
  readonly pki?: PkiReader | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE: KeepAliveOptions = { intervalMs: 5_000, maxMisses: 5 };

/**
 * Opens a connection to a libvirt daemon: `qemu:///system`, `qemu+ssh://root@host/system`,
 * `qemu+tls://host/system`, `qemu+tcp://host/system`, `test:///default`.
 *
 * Rejects with UriError, ConnectError, AuthError, RemoteError (the daemon would not open that URI) or
 * ProtocolError (the peer is not a libvirt daemon).
 */
export async function connect(uriText: string, options: ConnectOptions = {}): Promise<Connection> {
  const uri = parseUri(uriText);
  const guestAgentOnly = options.guestAgentOnly === true;
  const readOnly = !guestAgentOnly && (options.readOnly ?? true);
  const timeout = AbortSignal.timeout(options.timeoutMs ?? CONNECT_TIMEOUT_MS);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const transport = await openTransport(uri, readOnly, signal, options.pki);
  const connection = new Connection(transport, {
    readOnly,
    guestAgentOnly,
    observe: options.observe,
    maxFrameBytes: options.maxFrameBytes,
  });
  try {
    await authenticate(connection, {
      credentials: options.credentials,
      isConfidential: transport.isConfidential,
      signal,
    });
    await open(connection, uri, options.keepAlive ?? KEEPALIVE, signal);
    return connection;
  } catch (error) {
    const reason = explain(error, connection, signal);
    connection.abort(reason);
    throw reason;
  }
}

/** The order is the protocol's: keepalive is the only feature that may be asked for before opening. */
async function open(
  connection: Connection,
  uri: ConnectionUri,
  keepAlive: KeepAliveOptions | false,
  signal: AbortSignal,
): Promise<void> {
  const { supported } = await connection.call(
    'connectSupportsFeature',
    { feature: Feature.programKeepalive },
    { signal },
  );
  await connection.call(
    'connectOpen',
    { name: uri.remoteName, flags: connection.readOnly ? ConnectFlag.readOnly : 0 },
    { signal },
  );
  if (supported && keepAlive !== false) connection.startKeepAlive(keepAlive);
  const closeEvents = await connection.call(
    'connectSupportsFeature',
    { feature: Feature.remoteCloseCallback },
    { signal },
  );
  if (closeEvents.supported) await connection.call('connectRegisterCloseCallback', undefined, { signal });
}

function openTransport(
  uri: ConnectionUri,
  readOnly: boolean,
  signal: AbortSignal,
  pki?: PkiReader,
): Promise<Transport> {
  switch (uri.transport) {
    case 'unix':
      return openUnix(uri, readOnly, signal);
    case 'tcp':
      return openTcp(uri, signal);
    case 'tls':
      return openTls(uri, signal, pki);
    case 'ssh':
      return openSsh(uri, readOnly, signal);
  }
}

function explain(error: unknown, connection: Connection, signal: AbortSignal): Error {
  if (signal.aborted) return timeoutError(connection.description, signal);
  if (error instanceof ClosedError) {
    // ssh reports the reason only when it ends, which is after the first call went out.
    if (error.cause instanceof ConnectError) return error.cause;
    return new ConnectError(
      'LIBVIRT_REFUSED',
      `${connection.description} closed the connection before it was open; check whether the daemon has reached max_clients`,
      { cause: error },
    );
  }
  return error instanceof LibvirtClientError ? error : new ClosedError('opening failed', { cause: error });
}
