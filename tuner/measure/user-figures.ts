import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

/** The number that a shell command prints; undefined where it fails, takes too long or prints something else. */
export async function probe(command: string, timeoutMs: number): Promise<number | undefined> {
  try {
    const { stdout } = await run('/bin/sh', ['-c', command], { timeout: timeoutMs, killSignal: 'SIGKILL' });
    return numberIn(stdout);
  } catch {
    return undefined;
  }
}

function numberIn(text: string): number | undefined {
  const value = Number(text.trim());
  return text.trim() === '' || !Number.isFinite(value) ? undefined : value;
}

const VALUE = z.tuple([z.number(), z.string()]);

/** What Prometheus answers to an instant query (HTTP API v1): a scalar, or a vector of which one series counts. */
const ANSWER = z.object({
  status: z.literal('success'),
  data: z.union([
    z.object({ resultType: z.literal('scalar'), result: VALUE }),
    z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: VALUE })) }),
  ]),
});

/** The value of an expression now; undefined without an answer, or where it is not a single value. */
export async function promql(
  prometheus: string,
  expression: string,
  timeoutMs: number,
): Promise<number | undefined> {
  try {
    const url = new URL(`${prometheus.replace(/\/$/, '')}/api/v1/query`);
    url.searchParams.set('query', expression);
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    const { success, data: answer } = ANSWER.safeParse(await response.json());
    if (!success) return undefined;
    const { data } = answer;
    if (data.resultType === 'scalar') return numberIn(data.result[1]);
    const [only, ...more] = data.result;
    return only === undefined || more.length > 0 ? undefined : numberIn(only.value[1]);
  } catch {
    return undefined;
  }
}
