import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseSeconds } from '../../model/duration.ts';
import type { SamplerHealth } from '../../sampler/host-sample.ts';
import type { LoopDelay } from '../prometheus/loop-delay.ts';
import type { ProcessMetrics } from '../prometheus/process-metrics.ts';
import { type ScrapeBody, type Scrapes, ScrapeTimeoutError } from '../prometheus/scrape.ts';
import { FORMATS } from '../prometheus/text.ts';
import type { Targets } from '../targets.ts';
import { landingPage } from './landing-page.ts';
import { acceptsGzip, chooseFormat } from './negotiate.ts';
import { send, sendText } from './send.ts';

export interface ExporterParts {
  /** Absent if only configured hosts are sampled. */
  readonly local?:
    | {
        readonly scrapes: Pick<Scrapes, 'scrape'>;
        readonly health: () => SamplerHealth;
        /** Logs why libvirt is unavailable; clients do not get the reason. */
        readonly onFailure: (error: Error) => void;
      }
    | undefined;
  /** Process metrics, served at /metrics if there is no local libvirt. */
  readonly process: Pick<ProcessMetrics, 'text'>;
  /** Measured while serving a scrape. */
  readonly loopDelay?: Pick<LoopDelay, 'during'> | undefined;
  readonly targets?: Pick<Targets, 'get' | 'has' | 'discover'> | undefined;
  /** Reloads the configuration; rejects with what is wrong with it. Absent if reloads over HTTP are off. */
  readonly reload?: (() => Promise<void>) | undefined;
  readonly version: string;
  /** Called with internal errors of request handling. */
  readonly onError: (error: Error) => void;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
}

export interface Route {
  readonly methods: readonly string[];
  /** Served at once, regardless of requests in flight. */
  readonly isShort?: true;
  /** The configured host that a request is for. */
  readonly hostOf?: (parts: ExporterParts, query: URLSearchParams) => string | undefined;
  readonly handle: (parts: ExporterParts, exchange: Exchange) => Promise<void> | void;
}

const READ = ['GET', 'HEAD'];

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/', { methods: READ, handle: home }],
  ['/metrics', { methods: READ, handle: metrics }],
  ['/probe', { methods: READ, handle: probe, hostOf: probedHost }],
  ['/sd', { methods: READ, handle: discover }],
  [
    '/-/healthy',
    {
      methods: READ,
      isShort: true,
      handle: (_parts, { response }) => sendText(response, 200, 'virtune is up.'),
    },
  ],
  ['/-/ready', { methods: READ, handle: ready, isShort: true }],
  ['/-/reload', { methods: ['POST', 'PUT'], handle: reload }],
]);

/** Undefined for a path that is not served, with these parts. */
export function findRoute(parts: ExporterParts, path: string): Route | undefined {
  if (path === '/-/reload' && parts.reload === undefined) return undefined;
  if ((path === '/probe' || path === '/sd') && parts.targets === undefined) return undefined;
  return ROUTES.get(path);
}

function home({ version, targets }: ExporterParts, { response }: Exchange): void {
  send(response, 200, 'text/html; charset=utf-8', landingPage(version, targets !== undefined));
}

async function metrics({ local, process, loopDelay }: ExporterParts, exchange: Exchange): Promise<void> {
  if (local === undefined) {
    const format = chooseFormat(exchange.request.headers.accept);
    return send(exchange.response, 200, FORMATS[format], await process.text(format));
  }
  await scrape(local.scrapes, loopDelay, exchange);
}

function probedHost({ targets }: ExporterParts, query: URLSearchParams): string | undefined {
  const names = query.getAll('target');
  const [name = ''] = names;
  return names.length === 1 && targets?.has(name) === true ? name : undefined;
}

async function probe({ targets, loopDelay }: ExporterParts, exchange: Exchange): Promise<void> {
  const names = exchange.query.getAll('target');
  const host = names.length === 1 ? targets?.get(names[0] as string) : undefined;
  if (host !== undefined) return scrape(host.scrapes, loopDelay, exchange);
  // Do not echo the name: it is arbitrary client input.
  const status = names.length === 1 ? 404 : 400;
  sendText(
    exchange.response,
    status,
    status === 404
      ? 'No host with that name is configured.'
      : 'Specify exactly one host: /probe?target=NAME.',
  );
}

async function scrape(
  scrapes: Pick<Scrapes, 'scrape'>,
  loopDelay: ExporterParts['loopDelay'],
  { request, response }: Exchange,
): Promise<void> {
  const format = chooseFormat(request.headers.accept);
  const gzipped = acceptsGzip(request.headers['accept-encoding']?.toString());
  const budgetMs = scrapeBudgetMs(request.headers['x-prometheus-scrape-timeout-seconds']?.toString());
  try {
    const make = (): Promise<ScrapeBody> => scrapes.scrape(format, gzipped, budgetMs);
    const body = await (loopDelay?.during(make) ?? make());
    response.setHeader('Vary', 'Accept, Accept-Encoding');
    if (body.gzipped) response.setHeader('Content-Encoding', 'gzip');
    send(response, 200, body.contentType, body.bytes);
  } catch (error) {
    if (!(error instanceof ScrapeTimeoutError)) throw error;
    sendText(response, 503, 'The scrape timeout is too short for this host at the moment.');
  }
}

/** Share of Prometheus' timeout reserved for sending the response. */
const WAY_BACK_MS = 500;

/** Budget from X-Prometheus-Scrape-Timeout-Seconds; undefined if the header is missing or unusable. */
export function scrapeBudgetMs(header: string | undefined): number | undefined {
  try {
    const seconds = parseSeconds(header ?? '', { minSeconds: 0.001 });
    return Math.max(seconds * 500, seconds * 1_000 - WAY_BACK_MS);
  } catch {
    return undefined;
  }
}

function discover({ targets }: ExporterParts, { request, response }: Exchange): void {
  const address = request.headers.host ?? '';
  if (!/^[A-Za-z0-9._-]+(:\d+)?$|^\[[0-9A-Fa-f:.]+\](:\d+)?$/.test(address)) {
    return sendText(response, 400, 'The Host header is not a valid host and port.');
  }
  send(response, 200, 'application/json', JSON.stringify(targets?.discover(address) ?? []));
}

function ready({ local }: ExporterParts, { response }: Exchange): void {
  if (local === undefined) return sendText(response, 200, 'virtune is up; it connects to hosts on demand.');
  const { control, lastError } = local.health();
  const isConnected = control.kind === 'open';
  // Any client may ask, and the error names paths, hosts and users.
  if (!isConnected && lastError !== undefined) local.onFailure(lastError);
  sendText(
    response,
    isConnected ? 200 : 503,
    isConnected
      ? 'virtune is connected to libvirt.'
      : 'virtune is not connected to libvirt; see the log of virtune.',
  );
}

async function reload(parts: ExporterParts, { response }: Exchange): Promise<void> {
  try {
    await parts.reload?.();
    sendText(response, 200, 'The configuration was reloaded.');
  } catch {
    sendText(
      response,
      500,
      'The configuration was not reloaded, the old one stays in use; the log of virtune has the error: correct it and reload again.',
    );
  }
}
