import { z } from 'zod';
import { TunerError } from '../errors.ts';
import { figureError } from './figure-error.ts';

/** What Prometheus answers to an instant query (HTTP API v1), with any status. */
const ANSWER = z.union([
  z.object({
    status: z.literal('success'),
    data: z.object({ resultType: z.string(), result: z.unknown() }),
  }),
  z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() }),
]);

const VALUE = z.tuple([z.number(), z.string()]);
const SERIES = z.array(z.object({ value: VALUE }));

/**
 * The address of instant queries of a Prometheus.
 *
 * @param address its URL, with the path that a proxy puts before it.
 * @throws TunerError TUNE_USAGE for what is not an HTTP URL, or one with credentials, a query or a fragment.
 */
export function queryUrl(address: string): URL {
  const wrong = (why: string): TunerError => new TunerError('TUNE_USAGE', `--prometheus ${why}`);
  if (!URL.canParse(address))
    throw wrong(`${JSON.stringify(address)} is not a URL, such as http://prometheus.example:9090`);
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw wrong(`${JSON.stringify(address)} is not an http or https URL`);
  if (url.username !== '' || url.password !== '') throw wrong('has credentials, which are not supported');
  if (url.search !== '' || url.hash !== '') throw wrong('has a query or a fragment; give the base URL');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`;
  return url;
}

/**
 * The value of an expression now.
 *
 * @param query of `queryUrl`.
 * @throws TunerError TUNE_FIGURE without an answer, with an error of Prometheus, or where it is not a single number.
 */
export async function promql(query: URL, expression: string, timeoutMs: number): Promise<number> {
  const url = new URL(query);
  url.searchParams.set('query', expression);
  const { status, text } = await ask(url, timeoutMs);
  const { success, data: answer } = ANSWER.safeParse(parsed(text));
  if (!success) throw figureError(`${query.host} answered HTTP ${status}, and not as Prometheus does`);
  if (answer.status === 'error') {
    throw figureError(`Prometheus rejects --promql (HTTP ${status}): ${answer.errorType}: ${answer.error}`);
  }
  return singleValue(answer.data);
}

async function ask(url: URL, timeoutMs: number): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const { name, message, cause } = error as Error;
    const why =
      name === 'TimeoutError'
        ? `did not answer within ${timeoutMs / 1_000} s`
        : `cannot be reached: ${cause instanceof Error && cause.message !== '' ? cause.message : message}`;
    throw figureError(`Prometheus at ${url.host} ${why}`, error);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function singleValue({
  resultType,
  result,
}: {
  readonly resultType: string;
  readonly result?: unknown;
}): number {
  if (resultType === 'scalar') return numberIn(VALUE.safeParse(result).data?.[1]);
  if (resultType !== 'vector')
    throw figureError(`--promql gives a ${resultType}, and one number is expected`);
  const series = SERIES.safeParse(result).data ?? [];
  const [only, ...more] = series;
  if (only === undefined) throw figureError('no series has a value for --promql now');
  if (more.length > 0) {
    throw figureError(
      `--promql gives ${series.length} series, and one number is expected; aggregate them, as with sum()`,
    );
  }
  return numberIn(only.value[1]);
}

function numberIn(text: string | undefined): number {
  const value = Number(text);
  if (text !== undefined && Number.isFinite(value)) return value;
  throw figureError(`the value of --promql is ${text ?? 'missing'}, and a finite number is expected`);
}
