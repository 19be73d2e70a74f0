import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { promql, queryUrl } from '../../../tuner/measure/promql.ts';

const LONG_MS = 60_000;
let prometheus: Server;
let url: string;
let answer: { readonly status: number; readonly body: unknown } | 'none';
const asked: string[] = [];
beforeAll(async () => {
  prometheus = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (answer === 'none') return;
    const { status, body } = answer;
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => prometheus.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`;
});
beforeEach(() => {
  answer = 'none';
});
afterAll(() => {
  prometheus.closeAllConnections();
  prometheus.close();
});

const vector = (...values: readonly string[]) => ({
  status: 'success',
  data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1, value] })) },
});

test('an expression is sent to Prometheus as it is, and one value comes back', async () => {
  answer = { status: 200, body: vector('41.5') };
  expect(await promql(queryUrl(`${url}/`), 'sum(rate(tps_total{db="a b"}[1m]))', LONG_MS)).toBe(41.5);
  expect(asked.at(-1)).toBe(
    `/api/v1/query?query=${new URLSearchParams([['q', 'sum(rate(tps_total{db="a b"}[1m]))']]).toString().slice(2)}`,
  );
  answer = { status: 200, body: { status: 'success', data: { resultType: 'scalar', result: [1, '7'] } } };
  expect(await promql(queryUrl(`${url}/behind/a/proxy`), '7', LONG_MS)).toBe(7);
  expect(asked.at(-1)).toBe('/behind/a/proxy/api/v1/query?query=7');
});

const matrix = { status: 'success', data: { resultType: 'matrix', result: [] } };
const parseError = { status: 'error', errorType: 'bad_data', error: '1:4: parse error' };
test.each([
  [200, vector(), 'no series has a value for --promql now'],
  [
    200,
    vector('1', '2'),
    '--promql gives 2 series, and one number is expected; aggregate them, as with sum()',
  ],
  [200, vector('NaN'), 'the value of --promql is NaN, and a finite number is expected'],
  [200, matrix, '--promql gives a matrix, and one number is expected'],
  [400, parseError, 'Prometheus rejects --promql (HTTP 400): bad_data: 1:4: parse error'],
  [404, 'not JSON', /^127\.0\.0\.1:\d+ answered HTTP 404, and not as Prometheus does$/],
])(
  'an answer with HTTP %d that has no single value gives no figure, never 0',
  async (status, body, message) => {
    answer = { status, body };
    const error = await promql(queryUrl(url), 'up', LONG_MS).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'TUNE_FIGURE',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  },
);

test('a Prometheus that cannot be reached, or does not answer, is named with the reason', async () => {
  await expect(promql(queryUrl('http://127.0.0.1:1'), 'up', LONG_MS)).rejects.toMatchObject({
    code: 'TUNE_FIGURE',
    message: expect.stringMatching(
      /^Prometheus at 127\.0\.0\.1:1 cannot be reached: .*(ECONNREFUSED|bad port)/,
    ),
  });
  await expect(promql(queryUrl(url), 'up', 50)).rejects.toThrow(/ did not answer within 0\.05 s$/);
});

test.each([
  ['prometheus:9090', 'is not an http or https URL'],
  ['no URL', 'is not a URL, such as http://prometheus.example:9090'],
  ['http://user:secret@prometheus', 'has credentials, which are not supported'],
  ['http://prometheus/graph?g0.expr=up', 'has a query or a fragment; give the base URL'],
])('%s is not taken for the address of a Prometheus', (address, why) => {
  expect(() => queryUrl(address)).toThrow(why);
});
