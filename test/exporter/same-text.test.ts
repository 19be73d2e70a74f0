import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Format, familyHead, number } from '../../exporter/prometheus/text.ts';
import { familiesOf } from '../../exporter/series/families.ts';
import { labelAll } from '../../exporter/series/subjects.ts';
import { calls } from '../../libvirt/calls/all.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { XdrReader } from '../../libvirt/wire/xdr.ts';
import { type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import type { HistogramPoint } from '../../model/catalogue/metric.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { sampleText } from './sample-text.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/all-domain-stats-libvirt-9.0.0.bin');
/** Length of the header of a reply on the wire. */
const FRAME_HEAD_BYTES = 28;
const ALL = new Set(groups.map(({ name }): GroupName => name));

let demo: Demo;
let sampler: Sampler;
/** From the demo, and with figures that a real libvirtd has returned. */
const samples: HostSample[] = [];

beforeAll(async () => {
  demo = await startDemo({ libvirt: '12.9' });
  sampler = new Sampler({ open: (signal) => connect(demo.uri, { signal }), groups: ALL });
  await sampler.sample();
  samples.push(await sampler.sample());
  const reader = new XdrReader(readFileSync(FIXTURE).subarray(FRAME_HEAD_BYTES));
  const { records } = calls.connectGetAllDomainStats.ret.read(reader);
  const [first] = samples[0]?.domains ?? [];
  if (first === undefined) throw new Error('the demo has no VM');
  samples.push({
    startedAtMs: 1_000,
    durationMs: 20,
    domains: records.map(({ domain, params }) => ({
      ...first,
      domain: { ...domain, name: `${domain.name} "ü\\\n` },
      outcome: { kind: 'fresh', stats: readDomainStats(params), atMs: 1_000 },
    })),
    versions: undefined,
  });
});
afterAll(async () => {
  await sampler.close();
  await demo.stop();
});

/** The same series as text, rendered in the simplest way. */
function plainText(sample: HostSample, format: Format): string {
  const text = {
    none: '',
    with: (labels: string, name: string, value: string) => {
      const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
      return [labels, `${name}="${escaped}"`].filter((part) => part !== '').join(',');
    },
  };
  const labelling = labelAll(sample, ALL, text, false);
  let labelled = labelling.next();
  while (labelled.done !== true) labelled = labelling.next();
  let all = '';
  for (const family of familiesOf(sample, { subjects: labelled.value, format: text, enabled: ALL })) {
    const lines: string[] = [];
    const { name } = family.metric;
    const add = (of: string, labels: string, value: number): void => {
      lines.push(`${of}${labels === '' ? '' : `{${labels}}`} ${number(value)}\n`);
    };
    if ('series' in family) {
      family.series.read((labels, value) => add(name, labels, value), 0, family.series.subjects);
    } else {
      const { subjects } = family.histograms;
      const visit = (labels: string, { buckets, count, sum }: HistogramPoint): void => {
        for (const [upTo, below] of buckets) add(`${name}_bucket`, `${labels},le="${number(upTo)}"`, below);
        add(`${name}_bucket`, `${labels},le="+Inf"`, count);
        add(`${name}_count`, labels, count);
        if (sum !== undefined) add(`${name}_sum`, labels, sum);
      };
      family.histograms.read(visit, 0, subjects);
    }
    if (lines.length > 0) all += familyHead(format, family.metric) + lines.join('');
  }
  return all;
}

test.each(['text', 'openMetrics'] as const)(
  'a scrape in %s has the bytes of its series one by one, of the demo and of what a libvirtd answered',
  (format) => {
    for (const sample of samples) {
      const text = sampleText(sample, format, ALL);
      expect(text).toBe(plainText(sample, format));
      expect(text.split('\n').length).toBeGreaterThan(1_000);
    }
  },
);
