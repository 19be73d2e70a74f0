import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { LoopDelay } from '../../exporter/prometheus/loop-delay.ts';
import { ProcessMetrics } from '../../exporter/prometheus/process-metrics.ts';
import { parseExposition } from '../exposition.ts';

const block = (ms: number): void => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
};

const figureOf = (text: string, name: string): number | undefined =>
  parseExposition(text).find((series) => series.name === name)?.value;

test('timers that fire late are measured while scrapes are answered, and at no other time', async () => {
  const registry = new Registry();
  const delay = new LoopDelay(registry);
  const max = async (): Promise<number | undefined> =>
    figureOf(await registry.metrics(), 'nodejs_eventloop_lag_max_seconds');
  await delay.during(async () => {
    await sleep(30);
    block(80);
    await sleep(30);
  });
  expect(await max()).toBeGreaterThan(0.05);
  const after = await max();
  await sleep(30);
  block(200);
  await sleep(30);
  expect(await max(), 'nothing is measured between scrapes').toBe(after);
});

test('the process has one set of lag metrics, of which no timer runs between scrapes', async () => {
  const metrics = new ProcessMetrics('1.2.3');
  await metrics.loopDelay.during(() => sleep(50));
  const names = parseExposition(await metrics.text('text')).map(({ name }) => name);
  const lag = names.filter((name) => name.startsWith('nodejs_eventloop_lag'));
  expect(lag.toSorted()).toEqual([
    'nodejs_eventloop_lag_max_seconds',
    'nodejs_eventloop_lag_mean_seconds',
    'nodejs_eventloop_lag_p50_seconds',
    'nodejs_eventloop_lag_p90_seconds',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_eventloop_lag_seconds',
  ]);
});
