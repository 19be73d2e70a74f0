import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { SamplerHealth } from '../../sampler/host-sample.ts';
import type { Scrapes } from '../prometheus/scrape.ts';
import { landingPage } from './landing-page.ts';
import type { ListenAddress } from './listen-address.ts';
import { acceptsGzip, chooseFormat } from './negotiate.ts';

export interface ExporterParts {
  readonly scrapes: Pick<Scrapes, 'scrape'>;
  readonly health: () => SamplerHealth;
  readonly version: string;
  /** Told of what went wrong inside while a request was answered. */
  readonly onError: (error: Error) => void;
}

class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'HTTP_LISTEN';
}

export interface RunningServer {
  /** `http://127.0.0.1:9177` */
  readonly url: string;
  /** Answers what is under way, takes nothing new, and resolves when all is closed. */
  close(): Promise<void>;
}

type Handler = (
  parts: ExporterParts,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<void> | void;

const ROUTES: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  [
    '/',
    (parts, _request, response) =>
      send(response, 200, 'text/html; charset=utf-8', landingPage(parts.version)),
  ],
  ['/metrics', metrics],
  ['/-/healthy', (_parts, _request, response) => sendText(response, 200, 'virtune is up.')],
  ['/-/ready', ready],
]);

/** A client that takes longer for its headers or request holds a connection for nothing. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Scrapes under way when the process is asked to end get this long. */
const DRAIN_MS = 3_000;

/** @throws ListenError when the address cannot be had. */
export async function serve(parts: ExporterParts, { host, port }: ListenAddress): Promise<RunningServer> {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: 60_000,
      // Node looks for overdue clients only every 30 s by default.
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => void handle(parts, request, response),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(host, port, error)));
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    close: () => close(server),
  };
}

async function handle(
  parts: ExporterParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  try {
    const path = (request.url ?? '/').split('?')[0] as string;
    const route = ROUTES.get(path);
    if (route === undefined)
      return sendText(response, 404, 'Not found. There is /metrics, /-/healthy and /-/ready.');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return sendText(response, 405, 'Only GET and HEAD are answered here.');
    }
    await route(parts, request, response);
  } catch (error) {
    parts.onError(error as Error);
    // Whatever it was, a client is no place for its details.
    if (!response.headersSent) sendText(response, 500, 'Internal error; see the log of virtune.');
    else response.destroy();
  }
}

async function metrics(
  { scrapes }: ExporterParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const format = chooseFormat(request.headers.accept);
  const gzipped = acceptsGzip(request.headers['accept-encoding']?.toString());
  const body = await scrapes.scrape(format, gzipped);
  response.setHeader('Vary', 'Accept, Accept-Encoding');
  if (body.gzipped) response.setHeader('Content-Encoding', 'gzip');
  send(response, 200, body.contentType, body.bytes);
}

function ready({ health }: ExporterParts, _request: IncomingMessage, response: ServerResponse): void {
  const { control, lastError } = health();
  if (control.kind === 'open') return sendText(response, 200, 'virtune is connected to libvirt.');
  sendText(response, 503, `virtune is not connected to libvirt: ${lastError?.message ?? control.kind}`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain; charset=utf-8', `${text}\n`);
}

function send(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(timer);
}

function listenError(host: string, port: number, error: NodeJS.ErrnoException): ListenError {
  const next =
    error.code === 'EADDRINUSE'
      ? 'something listens there already; stop it or choose another with --listen'
      : error.code === 'EACCES'
        ? 'a port below 1024 needs the privilege; choose a higher one with --listen'
        : error.message;
  return new ListenError(`cannot listen on ${host}:${port}: ${next}`, { cause: error });
}
