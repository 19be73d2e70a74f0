import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { createServer as createNetServer, type Server as NetServer } from 'node:net';
import { ConfigError } from '../../model/config-error.ts';
import { VirtuneError } from '../../model/virtune-error.ts';
import { BasicAuth } from './basic-auth.ts';
import { isClientAllowed } from './client-cert.ts';
import { Connections } from './connections.ts';
import { clientOf } from './fair-queue.ts';
import type { ListenAddress } from './listen-address.ts';
import { maxOf, Places } from './places.ts';
import { TokenBucket } from './rate-limit.ts';
import { type Exchange, type ExporterParts, findRoute, type Route } from './routes.ts';
import { sendText } from './send.ts';
import { OPEN_WEB, type WebConfig } from './web-config.ts';

class ListenError extends VirtuneError {
  override readonly name = 'ListenError';
  constructor(message: string, options?: ErrorOptions) {
    super('HTTP_LISTEN', message, options);
  }
}

/** File descriptors of listening sockets, as systemd passes them; at least one. */
export interface InheritedSockets {
  readonly fds: readonly number[];
}

export interface RunningServer {
  /** `http://127.0.0.1:9177`; of several sockets the first. `unix:/run/virtune.sock` for a Unix socket. */
  readonly url: string;
  /**
   * Checks whether a new configuration can be applied without a restart; changes nothing.
   * @throws ConfigError for what needs a restart: switching TLS on or off, and changing whether clients must present
   * certificates
   */
  checkConfigurable(web: WebConfig): void;
  /** Applies certificates, users and headers to later connections and requests. Call `checkConfigurable` first. */
  configure(web: WebConfig): void;
  /** Finishes requests in flight, accepts no new ones, and resolves when everything is closed. */
  close(): Promise<void>;
}

/** A client that takes longer to send its headers or request only ties up a connection. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 16_384;
/** Limit on open connections, including idle ones and those that never send a request; one more evicts one of those. */
const CONNECTIONS_MAX = 4_096;
/** Before a connection is evicted the kernel may accept a few more, and local ones are not evicted. */
const CONNECTIONS_SPARE = 64;
/** Grace period for scrapes in flight at shutdown. */
const DRAIN_MS = 3_000;

/** @throws ListenError when the address or a socket cannot be used */
export async function serve(
  parts: ExporterParts,
  where: ListenAddress | InheritedSockets,
  web: WebConfig = OPEN_WEB,
): Promise<RunningServer> {
  const gate = new Gate(parts, web);
  const connections = new Connections(CONNECTIONS_MAX);
  const options: ServerOptions = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: 60_000,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Node.js checks for overdue clients only every 30 s by default.
    connectionsCheckingInterval: 1_000,
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    connections.use(request.socket, response);
    void gate.handle(request, response);
  };
  const server: Server | TlsServer =
    web.tls === undefined
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...web.tls, handshakeTimeout: HEADERS_TIMEOUT_MS }, listener);
  server.on('connection', (socket) => connections.add(socket));
  const [first, ...more] = 'fds' in where ? where.fds.map((fd) => ({ fd })) : [where];
  const others: NetServer[] = [];
  try {
    await listen(server, first as ListenAddress | Fd, parts);
    for (const each of more) {
      // An HTTP server listens on one socket only; connections to the others are handed to it.
      const other = createNetServer((socket) => server.emit('connection', socket));
      await listen(other, each, parts);
      others.push(other);
    }
  } catch (error) {
    for (const each of [server, ...others]) each.close();
    throw error;
  }
  return {
    url: urlOf(server, web.tls === undefined ? 'http' : 'https', where),
    checkConfigurable: (next) => {
      if ((next.tls === undefined) !== (web.tls === undefined)) {
        throw new ConfigError(
          'tls_server_config: TLS cannot be switched on or off while virtune runs; restart it',
        );
      }
      if (next.clientAuth !== web.clientAuth) {
        throw new ConfigError(
          'tls_server_config.client_auth_type cannot change while virtune runs; restart it',
        );
      }
    },
    configure: (next) => {
      gate.configure(next);
      if (next.tls !== undefined && 'setSecureContext' in server) server.setSecureContext(next.tls);
    },
    close: async () => {
      for (const other of others) other.close();
      await close(server);
    },
  };
}

/** Checks that every request passes before its route: limits, headers, certificate, password. */
class Gate {
  readonly #parts: ExporterParts;
  #web: WebConfig;
  readonly #auth: BasicAuth;
  #bucket: TokenBucket | undefined;
  /** Only admitted requests count: unauthenticated clients cannot take slots from authenticated ones. */
  readonly #places = new Places();

  constructor(parts: ExporterParts, web: WebConfig) {
    this.#parts = parts;
    this.#web = web;
    this.#auth = new BasicAuth(web.users);
    this.#bucket = web.rateLimit && new TokenBucket(web.rateLimit);
  }

  configure(web: WebConfig): void {
    this.#web = web;
    this.#auth.configure(web.users);
    const { intervalMs, burst } = this.#bucket?.limit ?? {};
    // Keep the bucket if the limit is unchanged: a reload must not refill it.
    if (web.rateLimit?.intervalMs !== intervalMs || web.rateLimit?.burst !== burst)
      this.#bucket = web.rateLimit && new TokenBucket(web.rateLimit);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      response.setHeader('X-Content-Type-Options', 'nosniff');
      for (const [name, value] of Object.entries(this.#web.headers)) response.setHeader(name, value);
      // Before passwords, as in exporter-toolkit: the limit also slows down password guessing.
      if (this.#bucket?.take() === false) {
        response.setHeader('Retry-After', String(this.#bucket.retryAfterSeconds));
        return sendText(response, 429, 'Too many requests: rate_limit of the web configuration.');
      }
      if (await this.#admits(request, response)) await this.#answer(request, response);
    } catch (error) {
      this.#parts.onError(error as Error);
      // Clients do not get the details of an internal error.
      if (!response.headersSent) sendText(response, 500, 'Internal error; see the log of virtune.');
      else response.destroy();
    }
  }

  async #admits(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (!isClientAllowed(request.socket, this.#web)) {
      sendText(response, 403, 'The client certificate is not allowed.');
      return false;
    }
    if (!this.#auth.required) return true;
    const { socket } = request;
    const verdict = await this.#auth.verdict(request.headers.authorization, {
      id: clientOf(socket.remoteAddress),
      isGone: () => socket.destroyed,
    });
    if (verdict === 'ok') return true;
    if (verdict === 'busy') {
      response.setHeader('Retry-After', '5');
      sendText(response, 503, 'Too many password checks at once; try again.');
    } else {
      response.setHeader('WWW-Authenticate', 'Basic realm="virtune", charset="UTF-8"');
      sendText(response, 401, 'User name and password required.');
    }
    return false;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const route = findRoute(this.#parts, path);
    if (route === undefined) {
      return sendText(response, 404, 'Not found; see / for a list of pages.');
    }
    if (!route.methods.includes(request.method ?? '')) {
      response.setHeader('Allow', route.methods.join(', '));
      return sendText(response, 405, `Only ${route.methods.join(' and ')} is answered here.`);
    }
    // No route reads a body: discard it.
    request.resume();
    const exchange = { request, response, query: new URLSearchParams(query) };
    if (route.isShort === true) await route.handle(this.#parts, exchange);
    else await this.#answerOneOfMany(route, exchange);
  }

  async #answerOneOfMany(route: Route, exchange: Exchange): Promise<void> {
    const { response, query } = exchange;
    const host = route.hostOf?.(this.#parts, query);
    const leave = this.#places.take(host);
    if (leave === undefined) {
      response.setHeader('Retry-After', '5');
      const what = host === undefined ? 'requests' : 'requests for this host';
      return sendText(response, 503, `More than ${maxOf(host)} ${what} at once; try again.`);
    }
    try {
      await route.handle(this.#parts, exchange);
    } finally {
      leave();
    }
  }
}

async function close(server: Server | TlsServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(timer);
}

interface Fd {
  readonly fd: number;
}

async function listen(server: NetServer, where: ListenAddress | Fd, parts: ExporterParts): Promise<void> {
  server.maxConnections = CONNECTIONS_MAX + CONNECTIONS_SPARE;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(where, error)));
    server.listen(where, resolve);
  });
  // A failed accept, for lack of file descriptors for instance, must not end the process.
  server.on('error', (error) => parts.onError(error));
}

function urlOf(server: NetServer, scheme: string, where: ListenAddress | InheritedSockets): string {
  const address = server.address();
  if (typeof address === 'string') return `unix:${address}`;
  const host = 'host' in where ? where.host : (address?.address ?? '');
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address?.port}`;
}

const CHOOSE_ADDRESS = 'choose one with --listen (ip address lists them; :PORT is every address)';
const LISTEN_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is already in use; stop the other process or choose another with --listen',
  EACCES: 'ports below 1024 need privileges; choose a higher one with --listen',
  EADDRNOTAVAIL: `it is not an address of this host; ${CHOOSE_ADDRESS}`,
  ENOTFOUND: `the host name cannot be resolved; correct it, or use an address of this host: ${CHOOSE_ADDRESS}`,
  EAI_AGAIN: `the host name cannot be resolved at the moment; check DNS, or use an address of this host: ${CHOOSE_ADDRESS}`,
};

function listenError(where: ListenAddress | Fd, error: NodeJS.ErrnoException): ListenError {
  if ('fd' in where) {
    return new ListenError(
      `cannot listen on file descriptor ${where.fd}: ${error.message}; the .socket unit must pass a listening stream socket (ListenStream=, Accept=no)`,
      { cause: error },
    );
  }
  const { host, port } = where;
  const next = LISTEN_ADVICE[error.code ?? ''] ?? error.message;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new ListenError(`cannot listen on ${place}: ${next}`, { cause: error });
}
