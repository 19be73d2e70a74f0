import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probe, promql } from '../../../tuner/measure/user-figures.ts';

let prometheus: Server;
let url: string;
let answer: unknown;
const asked: string[] = [];
beforeAll(async () => {
  prometheus = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => prometheus.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`;
});
afterAll(() => prometheus.close());

test('the output of a command is a figure if it is one number', async () => {
  expect(await probe('echo 12.5', 5_000)).toBe(12.5);
  expect(await probe('echo -3e2; true', 5_000)).toBe(-300);
  for (const command of ['echo', 'echo tps 12', 'echo 12; exit 1', 'echo NaN', 'no-such-command-here']) {
    expect(await probe(command, 5_000), command).toBeUndefined();
  }
});

test('a command that takes too long is killed, and gives no figure', async () => {
  expect(await probe('sleep 60; echo 1', 50)).toBeUndefined();
});

test('an expression is sent to Prometheus as it is, and one value comes back', async () => {
  answer = {
    status: 'success',
    data: { resultType: 'vector', result: [{ metric: {}, value: [1, '41.5'] }] },
  };
  expect(await promql(`${url}/`, 'sum(rate(tps_total{db="a b"}[1m]))', 5_000)).toBe(41.5);
  expect(asked.at(-1)).toBe(
    `/api/v1/query?query=${new URLSearchParams([['q', 'sum(rate(tps_total{db="a b"}[1m]))']]).toString().slice(2)}`,
  );
  answer = { status: 'success', data: { resultType: 'scalar', result: [1, '7'] } };
  expect(await promql(url, '7', 5_000)).toBe(7);
});

test('no series, several, an error or no Prometheus give no figure, never 0', async () => {
  const series = (...values: readonly string[]) => ({
    status: 'success',
    data: { resultType: 'vector', result: values.map((value) => ({ value: [1, value] })) },
  });
  for (const each of [series(), series('1', '2'), series('NaN'), { status: 'error' }, 'not JSON']) {
    answer = each;
    expect(await promql(url, 'up', 5_000)).toBeUndefined();
  }
  expect(await promql('http://127.0.0.1:1', 'up', 5_000)).toBeUndefined();
  expect(await promql('no URL', 'up', 5_000)).toBeUndefined();
});
