import { expect, test } from 'vitest';
import type { InstantSeries, Prometheus } from '../../../sampler/prometheus/prometheus.ts';
import { PrometheusError } from '../../../sampler/prometheus/prometheus-error.ts';
import { promql } from '../../../tuner/measure/promql.ts';
import { readingOf, userFigure } from '../../../tuner/measure/user-figure.ts';

/** A Prometheus that returns these values to the next query; test/sampler/prometheus tests the requests. */
const answering = (...values: readonly number[]): Pick<Prometheus, 'instant'> & { asked: unknown[] } => {
  const asked: unknown[] = [];
  return {
    asked,
    instant: async (...query) => {
      asked.push(query);
      return values.map((value): InstantSeries => ({ labels: {}, value }));
    },
  };
};

test('an expression is sent to Prometheus as it is, for now, and one value comes back', async () => {
  const prometheus = answering(41.5);
  expect(await promql(prometheus, 'sum(rate(tps_total{db="a b"}[1m]))')).toBe(41.5);
  expect(prometheus.asked).toEqual([['sum(rate(tps_total{db="a b"}[1m]))']]);
});

test.each([
  [[], 'no series has a value for --promql now'],
  [[1, 2], '--promql returns 2 series instead of one number; aggregate them, for example with sum()'],
  [[Number.NaN], 'the value of --promql is NaN instead of a finite number'],
  [[Number.POSITIVE_INFINITY], 'the value of --promql is Infinity instead of a finite number'],
])('%j is not a single value and gives no figure, never 0', async (values, message) => {
  await expect(promql(answering(...values), 'up')).rejects.toMatchObject({ code: 'TUNE_FIGURE', message });
});

test('a Prometheus that fails during an experiment leaves a reading without a value, with the reason', async () => {
  const figure = userFigure({ promql: 'up', prometheus: 'http://user:secret@127.0.0.1:2' }, 5_000);
  const reading = await readingOf(figure ?? expect.unreachable());
  expect(reading.value).toBeUndefined();
  expect(reading.missing).toMatch(/^http:\/\/127\.0\.0\.1:2: Prometheus cannot be reached /);
  await expect(figure?.read()).rejects.toBeInstanceOf(PrometheusError);
});
