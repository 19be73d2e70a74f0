import { z } from 'zod';
import { connectionFailure, type FailureKind, type Party } from '../../model/connection-failure.ts';
import { formatSeconds } from '../../model/duration.ts';
import { PrometheusError, type PrometheusErrorCode } from './prometheus-error.ts';

/** A series with its value at one time. */
export interface InstantSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A series with its values at several times; gaps have no value. */
export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value. */
  readonly values: readonly (readonly [atSeconds: number, value: number])[];
}

/** The HTTP API (v1) of Prometheus and compatible servers: Thanos, Mimir, VictoriaMetrics. */
export interface Prometheus {
  /** Its address for messages, without credentials. */
  readonly address: string;
  /** Distinct warnings in answers so far: data of some store may be missing. */
  readonly warnings: ReadonlySet<string>;
  /**
   * A scalar is returned as one series without labels.
   * @param atSeconds absent: now, by the clock of Prometheus
   * @throws PrometheusError
   */
  instant(query: string, atSeconds?: number): Promise<readonly InstantSeries[]>;
  /** @throws PrometheusError */
  range(query: string, range: QueryRange): Promise<readonly RangeSeries[]>;
}

export interface PrometheusOptions {
  /** For one query. */
  readonly timeoutMs: number;
  /** What to do about a query that takes longer: `raise --query-timeout`. */
  readonly ifSlow: string;
  /** Limit for the answer to one query, uncompressed. Default: 256 MiB, more than a day of a thousand VMs takes. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface QueryRange {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly stepSeconds: number;
}

const ANSWER_MAX_BYTES = 256 * 1_048_576;

const SERVER: Party = {
  name: 'Prometheus',
  withCa: 'with NODE_EXTRA_CA_CERTS=FILE in the environment',
  inAddress: '--prometheus',
};
const CODES: Readonly<Record<FailureKind, PrometheusErrorCode>> = {
  unreachable: 'PROMETHEUS_UNREACHABLE',
  tls: 'PROMETHEUS_CERTIFICATE',
  certificate: 'PROMETHEUS_CERTIFICATE',
  'not http': 'PROMETHEUS_ANSWER',
  'no answer': 'PROMETHEUS_NO_ANSWER',
};

const labels = z.record(z.string(), z.string());
const point = z.tuple([z.number(), z.string()]);
const answerSchema = z.union([
  z.object({
    status: z.literal('success'),
    warnings: z.array(z.string()).optional(),
    data: z.union([
      z.object({
        resultType: z.literal('vector'),
        result: z.array(z.object({ metric: labels, value: point })),
      }),
      z.object({ resultType: z.literal('scalar'), result: point }),
      z.object({ resultType: z.literal('string'), result: point }),
      z.object({
        resultType: z.literal('matrix'),
        result: z.array(z.object({ metric: labels, values: z.array(point) })),
      }),
    ]),
  }),
  z.object({ status: z.literal('error'), errorType: z.string().optional(), error: z.string() }),
]);
type Data = Extract<z.output<typeof answerSchema>, { status: 'success' }>['data'];

/**
 * @param address URL, with a path before /api/v1 if there is one; a user and a password in it are sent as basic
 * authentication
 * @throws PrometheusError if it is not such a URL
 */
export function openPrometheus(
  address: string,
  { timeoutMs, ifSlow, maxAnswerBytes = ANSWER_MAX_BYTES }: PrometheusOptions,
): Prometheus {
  const url = parseAddress(address);
  const authorization = basicAuthentication(url);
  const path = url.pathname.replace(/\/+$/, '');
  const shown = `${url.origin}${path}`;
  const warnings = new Set<string>();

  async function ask(endpoint: string, parameters: Readonly<Record<string, string>>): Promise<Data> {
    const response = await send(`${shown}/api/v1/${endpoint}`, {
      method: 'POST',
      // Not followed: a login page would answer, and credentials would be sent elsewhere.
      redirect: 'manual',
      headers: authorization === undefined ? {} : { authorization },
      body: new URLSearchParams({ ...parameters, timeout: `${timeoutMs}ms` }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status, location, body } = response;
    if (status === 401 || status === 403) {
      throw new PrometheusError(
        'PROMETHEUS_PERMISSION',
        `Prometheus at ${shown} refuses the request (HTTP ${status}); set user and password in the address, as in https://USER:PASSWORD@HOST`,
      );
    }
    if (location !== undefined) {
      throw new PrometheusError(
        'PROMETHEUS_ANSWER',
        `the server at ${shown} redirects to ${location} (HTTP ${status}), and redirects are not followed; if Prometheus is there, set its address with --prometheus`,
      );
    }
    const { success, data: answer } = answerSchema.safeParse(body);
    if (!success && status >= 500) {
      throw new PrometheusError(
        'PROMETHEUS_NO_ANSWER',
        `${shown} returned HTTP ${status} without a Prometheus result; check whether Prometheus runs, and the proxy in front of it`,
      );
    }
    if (!success) {
      throw new PrometheusError(
        'PROMETHEUS_ANSWER',
        `the server at ${shown} is not Prometheus (HTTP ${status}); check address and path`,
      );
    }
    if (answer.status === 'error') throw rejected(parameters['query'] ?? '', answer);
    for (const warning of answer.warnings ?? []) warnings.add(warning);
    return answer.data;
  }

  async function send(
    target: string,
    request: RequestInit,
  ): Promise<{ status: number; location: string | undefined; body: unknown }> {
    let response: Response;
    let text: string | undefined;
    try {
      response = await fetch(target, request);
      text = await textOf(response, maxAnswerBytes);
    } catch (error) {
      throw unanswered(
        error as Error,
        shown,
        `${formatSeconds(timeoutMs / 1_000)}; check its load, or ${ifSlow}`,
      );
    }
    if (text === undefined) {
      throw new PrometheusError(
        'PROMETHEUS_ANSWER',
        `the server at ${shown} returned more than ${Math.round(maxAnswerBytes / 1_048_576)} MiB for one query; check that it is Prometheus, and ask for fewer series or a longer step`,
      );
    }
    const { status, headers } = response;
    return { status, location: redirectOf(status, headers.get('location'), target), body: parsed(text) };
  }

  return {
    address: shown,
    warnings,
    async instant(query, atSeconds) {
      const data = await ask('query', { query, ...(atSeconds !== undefined && { time: String(atSeconds) }) });
      if (data.resultType === 'scalar') return [{ labels: {}, value: numberOf(data.result[1]) }];
      if (data.resultType !== 'vector') throw unexpected(query, data.resultType, 'vector');
      return data.result.map(({ metric, value }) => ({ labels: metric, value: numberOf(value[1]) }));
    },
    async range(query, { startSeconds, endSeconds, stepSeconds }) {
      const times = { start: String(startSeconds), end: String(endSeconds), step: String(stepSeconds) };
      const data = await ask('query_range', { query, ...times });
      if (data.resultType !== 'matrix') throw unexpected(query, data.resultType, 'matrix');
      return data.result.map(({ metric, values }) => ({
        labels: metric,
        values: values.map(([at, value]) => [at, numberOf(value)] as const),
      }));
    },
  };
}

/** Undefined for a longer answer: an endless one would fill the memory before it times out. */
async function textOf({ body }: Response, maxBytes: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Parses a number as Go formats it. */
const numberOf = (text: string): number => Number(text.replace(/Inf$/, 'Infinity'));

function parseAddress(address: string): URL {
  const url = URL.parse(address);
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') return url;
  throw new PrometheusError(
    'PROMETHEUS_ADDRESS',
    '--prometheus expects a URL such as http://prometheus.example:9090, without query and fragment',
  );
}

/** @throws PrometheusError where a user or password is not percent-encoded, without them in the message */
function basicAuthentication({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair).toString('base64')}`;
  } catch {
    throw new PrometheusError(
      'PROMETHEUS_ADDRESS',
      'user and password in the URL of --prometheus have to be percent-encoded; write % as %25',
    );
  }
}

/** Where a redirect leads, without a query and credentials, which may be secret; undefined if it is not one. */
function redirectOf(status: number, location: string | null, base: string): string | undefined {
  if (status < 300 || status > 399 || location === null) return undefined;
  const to = URL.parse(location, base);
  return to === null ? 'another address' : `${to.origin}${to.pathname}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function rejected(
  query: string,
  { error, errorType }: { error: string; errorType?: string | undefined },
): PrometheusError {
  const isSlow = errorType === 'timeout' || errorType === 'canceled';
  return new PrometheusError(
    isSlow ? 'PROMETHEUS_NO_ANSWER' : 'PROMETHEUS_QUERY',
    `Prometheus ${isSlow ? 'did not finish' : 'rejects'} a query (${errorType ?? 'error'}: ${error}): ${shortened(query)}`,
  );
}

function unexpected(query: string, type: string, expected: string): PrometheusError {
  return new PrometheusError(
    'PROMETHEUS_ANSWER',
    `Prometheus returned a ${type} where a ${expected} was expected: ${shortened(query)}`,
  );
}

const shortened = (query: string): string => (query.length > 200 ? `${query.slice(0, 199)}…` : query);

function unanswered(error: Error, address: string, limit: string): PrometheusError {
  if (error.name === 'TimeoutError') {
    return new PrometheusError(
      'PROMETHEUS_NO_ANSWER',
      `Prometheus at ${address} did not answer within ${limit}`,
      {
        cause: error,
      },
    );
  }
  // fetch keeps the reason in its cause; of several addresses, that of the last one.
  const { cause } = error;
  const inner = cause instanceof AggregateError ? cause.errors.at(-1) : cause;
  if (inner instanceof Error && inner.message === 'bad port') {
    return new PrometheusError(
      'PROMETHEUS_ADDRESS',
      `${address}: this port is blocked for HTTP clients by the Fetch standard; serve Prometheus on another one`,
      { cause: error },
    );
  }
  const { message: reason, code = '' } = (inner instanceof Error ? inner : error) as NodeJS.ErrnoException;
  const text = reason.includes(code) ? reason : `${reason} ${code}`;
  const { kind, message } = connectionFailure(text, address.startsWith('https:'), SERVER);
  return new PrometheusError(CODES[kind], `${address}: ${message}`, { cause: error });
}
