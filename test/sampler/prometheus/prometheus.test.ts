import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, pipeline } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPrometheus } from '../../../sampler/prometheus/prometheus.ts';

interface Answer {
  readonly status?: number;
  readonly location?: string;
  readonly body: unknown;
}

let server: Server;
let url: string;
let answer: Answer;
let asked: { request: IncomingMessage; form: URLSearchParams }[] = [];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked.push({ request, form: new URLSearchParams(await text(request)) });
    if (answer.body === undefined) return;
    response.statusCode = answer.status ?? 200;
    if (answer.location !== undefined) response.setHeader('location', answer.location);
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const vector = (...result: readonly object[]) => ({
  status: 'success',
  data: { resultType: 'vector', result },
});
const open = (address = url, timeoutMs = 10_000) => openPrometheus(address, { timeoutMs, ifSlow: 'wait' });
const failureOf = async (given: Answer, address = url, timeoutMs = 10_000) => {
  answer = given;
  return open(address, timeoutMs)
    .instant('up', 1)
    .then(
      () => expect.unreachable(),
      ({ code, message }: { code: string; message: string }) => ({ code, message }),
    );
};

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await new Promise((resolve) => other.close(resolve));
  return port;
}

test('instant queries are posted as forms, and values come back as numbers', async () => {
  answer = { body: vector({ metric: { a: 'b' }, value: [1, '2.5'] }, { metric: {}, value: [1, 'NaN'] }) };
  asked = [];
  const prometheus = open(`${url}/select/0/prometheus/`);
  expect(await prometheus.instant('up{a="ä&="}', 12)).toEqual([
    { labels: { a: 'b' }, value: 2.5 },
    { labels: {}, value: Number.NaN },
  ]);
  const [{ request, form } = expect.unreachable()] = asked;
  expect(request.method).toBe('POST');
  expect(request.url).toBe('/select/0/prometheus/api/v1/query');
  expect(Object.fromEntries(form)).toEqual({ query: 'up{a="ä&="}', time: '12', timeout: '10000ms' });
});

test('range queries give each series its times and values', async () => {
  const result = [
    {
      metric: { a: 'b' },
      values: [
        [10, '1'],
        [20, '+Inf'],
      ],
    },
  ];
  answer = { body: { status: 'success', data: { resultType: 'matrix', result } } };
  asked = [];
  const range = { startSeconds: 10, endSeconds: 20, stepSeconds: 10 };
  expect(await open().range('up', range)).toEqual([
    {
      labels: { a: 'b' },
      values: [
        [10, 1],
        [20, Number.POSITIVE_INFINITY],
      ],
    },
  ]);
  expect(Object.fromEntries(asked[0]?.form ?? [])).toMatchObject({ start: '10', end: '20', step: '10' });
});

test('user and password of the address are sent as basic authentication, and are in no message', async () => {
  asked = [];
  const address = url.replace('//', '//us%3Aer:pass%20word@');
  const { code, message } = await failureOf({ status: 401, body: 'no' }, address);
  expect(asked[0]?.request.headers.authorization).toBe(`Basic ${btoa('us:er:pass word')}`);
  expect(code).toBe('PROMETHEUS_PERMISSION');
  expect(message).toContain(`Prometheus at ${url} refuses the request (HTTP 401)`);
  expect(message).not.toContain('word@');
});

test('warnings of answers are kept, each once', async () => {
  const prometheus = open();
  answer = { body: { ...vector(), warnings: ['store-1 did not answer'] } };
  await prometheus.instant('up', 1);
  await prometheus.instant('up', 1);
  expect([...prometheus.warnings]).toEqual(['store-1 did not answer']);
});

test('each failure has a code, and its message says where and what', async () => {
  const error = (errorType: string, text: string) => ({ status: 'error', errorType, error: text });
  expect(await failureOf({ status: 422, body: error('execution', 'too many samples') })).toEqual({
    code: 'PROMETHEUS_QUERY',
    message: 'Prometheus rejects a query (execution: too many samples): up',
  });
  expect(await failureOf({ status: 503, body: error('timeout', 'query timed out') })).toEqual({
    code: 'PROMETHEUS_NO_ANSWER',
    message: 'Prometheus did not finish a query (timeout: query timed out): up',
  });
  expect(await failureOf({ status: 502, body: '<html>Bad gateway</html>' })).toEqual({
    code: 'PROMETHEUS_NO_ANSWER',
    message: `${url} returned HTTP 502 without a Prometheus result; check whether Prometheus runs, and the proxy in front of it`,
  });
  expect(await failureOf({ status: 200, body: '<html>Log in</html>' })).toEqual({
    code: 'PROMETHEUS_ANSWER',
    message: `the server at ${url} is not Prometheus (HTTP 200); check address and path`,
  });
  expect((await failureOf({ status: 302, body: '' })).code).toBe('PROMETHEUS_ANSWER');
  expect(
    (await failureOf({ body: { status: 'success', data: { resultType: 'matrix', result: [] } } })).message,
  ).toBe('Prometheus returned a matrix where a vector was expected: up');
  const late = await failureOf({ body: undefined }, url, 50);
  expect(late.code).toBe('PROMETHEUS_NO_ANSWER');
  expect(late.message).toContain(`Prometheus at ${url} did not answer within 50ms; check its load, or wait`);
  const closed = await closedPort();
  const nobody = await failureOf({ body: '' }, `http://127.0.0.1:${closed}`);
  expect(nobody.code).toBe('PROMETHEUS_UNREACHABLE');
  expect(nobody.message).toContain(`http://127.0.0.1:${closed}: Prometheus cannot be reached (`);
  expect(await failureOf({ body: '' }, 'http://127.0.0.1:10080')).toEqual({
    code: 'PROMETHEUS_ADDRESS',
    message:
      'http://127.0.0.1:10080: this port is blocked for HTTP clients by the Fetch standard; serve Prometheus on another one',
  });
  // A name may resolve to several addresses, each with a failure.
  const named = await failureOf({ body: '' }, `http://localhost:${closed}`);
  expect(named.code).toBe('PROMETHEUS_UNREACHABLE');
  expect(named.message).toMatch(/cannot be reached \(connect ECONNREFUSED \S+:\d+/);
  expect((await failureOf({ body: '' }, url.replace('http:', 'https:'))).code).toBe('PROMETHEUS_CERTIFICATE');
});

test('an answer that never ends is given up on, compressed or not', async () => {
  for (const isCompressed of [false, true]) {
    const endless = createServer((_request, response) => {
      if (isCompressed) response.setHeader('content-encoding', 'gzip');
      const stream = isCompressed ? createGzip() : new PassThrough();
      pipeline(stream, response, () => undefined);
      const more = (): void => {
        if (!response.destroyed && stream.write(Buffer.alloc(65_536, 'x'))) setImmediate(more);
      };
      stream.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    const { port } = endless.address() as AddressInfo;
    const options = { timeoutMs: 60_000, ifSlow: 'wait', maxAnswerBytes: 4 * 1_048_576 };
    await expect(openPrometheus(`http://127.0.0.1:${port}`, options).instant('up')).rejects.toMatchObject({
      code: 'PROMETHEUS_ANSWER',
      message: expect.stringContaining('returned more than 4 MiB for one query'),
    });
    endless.closeAllConnections();
    endless.close();
  }
});

test('a redirect is not followed, and the message has its target without secrets', async () => {
  asked = [];
  const location = 'https://me:secret@login.example/sign-in?token=secret';
  expect(await failureOf({ status: 302, location, body: '' })).toEqual({
    code: 'PROMETHEUS_ANSWER',
    message: `the server at ${url} redirects to https://login.example/sign-in (HTTP 302), and redirects are not followed; if Prometheus is there, set its address with --prometheus`,
  });
  expect(asked).toHaveLength(1);
  const { message } = await failureOf({ status: 301, location: '/prometheus/api/v1/query', body: '' });
  expect(message).toContain(`redirects to ${url}/prometheus/api/v1/query (HTTP 301)`);
});

test('a scalar is a series without labels, and without a time the query is for now', async () => {
  answer = { body: { status: 'success', data: { resultType: 'scalar', result: [1, '7'] } } };
  asked = [];
  expect(await open().instant('7')).toEqual([{ labels: {}, value: 7 }]);
  expect(asked[0]?.form.has('time')).toBe(false);
});

test('credentials that are not percent-encoded are an error of the address, which does not repeat them', async () => {
  const wrong = url.replace('//', '//user:100%secret@');
  expect(() => open(wrong)).toThrow(
    expect.objectContaining({
      code: 'PROMETHEUS_ADDRESS',
      message: 'user and password in the URL of --prometheus have to be percent-encoded; write % as %25',
    }),
  );
  asked = [];
  await failureOf({ status: 401, body: '' }, url.replace('//', '//:token@'));
  expect(asked[0]?.request.headers.authorization).toBe(`Basic ${btoa(':token')}`);
});

test('an address that is not a URL of HTTP is refused', () => {
  for (const address of [
    'prometheus:9090',
    'ftp://prometheus',
    'http://prometheus?x=1',
    'http://prometheus#x',
    '',
  ]) {
    expect(() => open(address), address).toThrow('--prometheus expects a URL');
  }
});
