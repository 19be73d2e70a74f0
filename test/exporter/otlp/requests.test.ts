import { resourceFromAttributes } from '@opentelemetry/resources';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ATTRIBUTES, type PointLabels } from '../../../exporter/otlp/attributes.ts';
import { requestsOf } from '../../../exporter/otlp/requests.ts';
import { type Family, type FamilyMetric, sourceOf } from '../../../exporter/series/family.ts';
import { withLabels } from '../../../exporter/series/label-format.ts';
import type { HistogramPoint } from '../../../model/catalogue/metric.ts';
import type { Series } from '../../exposition.ts';
import { asSeries, sorted } from './as-series.ts';
import { type DecodedResource, decodeRequest } from './decode-request.ts';

const AT_MS = 1_700_000_000_123;
const START_MS = 1_699_999_999_001.5;

/** A family with a list of its series. */
type Listed =
  | { readonly metric: FamilyMetric; readonly series: readonly (readonly [PointLabels, number])[] }
  | {
      readonly metric: FamilyMetric;
      readonly histograms: readonly (readonly [PointLabels, HistogramPoint])[];
    };

/** The same in the form of the catalogue: read from subjects, here with one series each. */
function familyOf(listed: Listed): Family<PointLabels> {
  const { metric } = listed;
  return 'series' in listed
    ? { metric, series: sourceOf(listed.series, ([own, found], visit) => visit(own, found)) }
    : { metric, histograms: sourceOf(listed.histograms, ([own, point], visit) => visit(own, point)) };
}

async function send(families: readonly Listed[], maxBytes: number): Promise<DecodedResource[]> {
  const decoded: DecodedResource[] = [];
  const requests = requestsOf(families.map(familyOf), {
    resource: resourceFromAttributes({ 'host.name': 'kvm1' }),
    version: '1.2.3',
    atMs: AT_MS,
    maxBytes,
    startOf: () => () => START_MS,
  });
  for await (const { body, points } of requests) {
    const resources = decodeRequest(body);
    expect(resources.flatMap(({ metrics }) => metrics).flatMap((each) => each.points)).toHaveLength(points);
    decoded.push(...resources);
  }
  return decoded;
}

const labels = fc
  .dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), fc.string({ unit: 'grapheme' }), { maxKeys: 4 })
  .map((pairs) => withLabels(ATTRIBUTES, ATTRIBUTES.none, pairs));
const distinct = { selector: ([{ key }]: readonly [PointLabels, unknown]) => key, maxLength: 20 };
const value = fc.double();
const buckets = fc
  .uniqueArray(fc.tuple(fc.double({ noNaN: true, min: 0, max: 1e9 }), fc.nat()), {
    selector: ([upTo]) => upTo,
    maxLength: 12,
  })
  .map((each) => {
    let count = 0;
    return each
      .sort(([a], [b]) => a - b)
      .map(([upTo, more]) => {
        count += more;
        return [upTo, count] as const;
      });
  });
const histogram = fc
  .tuple(buckets, fc.nat({ max: 2 ** 40 }), fc.option(fc.double({ noNaN: true }), { nil: undefined }))
  .map(([found, above, sum]) => ({
    values: [],
    buckets: found,
    count: (found.at(-1)?.[1] ?? 0) + above,
    sum,
  }));
const family = fc.oneof(
  fc.record({
    type: fc.constantFrom('counter' as const, 'gauge' as const, 'info' as const),
    series: fc.uniqueArray(fc.tuple(labels, value), distinct),
  }),
  fc.record({
    type: fc.constant('histogram' as const),
    histograms: fc.uniqueArray(fc.tuple(labels, histogram), distinct),
  }),
);
const families = fc.array(family, { maxLength: 8 }).map((all): Listed[] =>
  all.map(({ type, ...rest }, index) => ({
    metric: { name: `m${index}`, type, help: `Help ${index}.`, per: 'process' },
    ...rest,
  })),
);

function expected(all: readonly Listed[]): Series[] {
  return all.flatMap((each) => {
    const { name } = each.metric;
    if ('series' in each) {
      return each.series.map(([own, found]) => ({ name, labels: own.attributes, value: found }));
    }
    return each.histograms.flatMap(([own, point]) => [
      ...point.buckets.map(([upTo, count]) => ({
        name: `${name}_bucket`,
        labels: { ...own.attributes, le: String(upTo) },
        value: count,
      })),
      { name: `${name}_bucket`, labels: { ...own.attributes, le: '+Inf' }, value: point.count },
      { name: `${name}_count`, labels: own.attributes, value: point.count },
      ...(point.sum === undefined ? [] : [{ name: `${name}_sum`, labels: own.attributes, value: point.sum }]),
    ]);
  });
}

test('decoded requests have exactly the series and values that were encoded, whatever the size of a request', async () => {
  await fc.assert(
    fc.asyncProperty(families, fc.integer({ min: 1, max: 4_000 }), async (all, maxBytes) => {
      expect(sorted(asSeries(await send(all, maxBytes)))).toEqual(sorted(expected(all)));
    }),
  );
});

const ofType = (type: 'counter' | 'gauge' | 'info', name: string): Listed => ({
  metric: { name, type, help: 'Some help.', per: 'vcpu' },
  series: [[ATTRIBUTES.with(ATTRIBUTES.none, 'domain', 'db'), 7]],
});

test('a counter is a monotonic cumulative sum since its start, a gauge and an info metric have no start', async () => {
  const [resource] = await send(
    [ofType('counter', 'x_seconds_total'), ofType('gauge', 'x_bytes'), ofType('info', 'x_info')],
    1_000_000,
  );
  expect(resource?.attributes).toEqual({ 'host.name': 'kvm1' });
  expect(resource?.scope).toEqual({ name: 'virtune', version: '1.2.3' });
  const point = {
    attributes: { domain: 'db' },
    timeNs: 1_700_000_000_123_000_000n,
    histogram: undefined,
    value: 7,
  };
  const common = { description: 'Some help.', temporality: 0, isMonotonic: false };
  expect(resource?.metrics).toEqual([
    {
      ...common,
      name: 'x_seconds_total',
      unit: 's',
      kind: 'sum',
      temporality: 2,
      isMonotonic: true,
      points: [{ ...point, startNs: 1_699_999_999_001_500_000n }],
    },
    { ...common, name: 'x_bytes', unit: 'By', kind: 'gauge', points: [{ ...point, startNs: 0n }] },
    { ...common, name: 'x_info', unit: '', kind: 'gauge', points: [{ ...point, startNs: 0n }] },
  ]);
});

test('a large sample is several requests, each not much larger than the limit', async () => {
  const series = Array.from({ length: 5_000 }, (_, index): [PointLabels, number] => [
    ATTRIBUTES.with(ATTRIBUTES.none, 'domain', `vm-${index}`),
    index,
  ]);
  const metric = { name: 'x', type: 'gauge', help: 'Help.', per: 'domain' } as const;
  const sizes: number[] = [];
  const requests = requestsOf([familyOf({ metric, series })], {
    resource: resourceFromAttributes({}),
    version: '1',
    atMs: AT_MS,
    maxBytes: 64 * 1_024,
    startOf: () => () => START_MS,
  });
  for await (const { body } of requests) sizes.push(body.length);
  expect(sizes.length).toBeGreaterThan(3);
  expect(Math.max(...sizes)).toBeLessThan(80 * 1_024);
});
