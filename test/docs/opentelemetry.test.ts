import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { elasticsearchMetrics } from '../../model/catalogue/elasticsearch.ts';
import { exporterMetrics } from '../../model/catalogue/exporter.ts';
import { labelsBySeries } from '../../model/catalogue/labels.ts';
import { otlpMetrics } from '../../model/catalogue/otlp.ts';
import { outputMetrics } from '../../model/catalogue/output.ts';

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/opentelemetry.md'), 'utf8');
const [, TEXT = ''] = /```yaml\n(# prometheus\.yml, beside the receiver\n[\s\S]*?)```/.exec(GUIDE) ?? [];

interface Relabel {
  readonly regex: string;
}
interface Configuration {
  readonly scrape_configs: readonly {
    readonly relabel_configs: readonly Relabel[];
    readonly metric_relabel_configs: readonly Relabel[];
  }[];
}

test('the scrape beside OTLP keeps what is at /metrics only, and nothing that is sent', () => {
  const [scrape] = (parse(TEXT) as Configuration).scrape_configs;
  const kept = new RegExp(`^(?:${scrape?.metric_relabel_configs[0]?.regex})$`);
  const own = [exporterMetrics, elasticsearchMetrics, outputMetrics, otlpMetrics].flatMap((metrics) =>
    Object.values<{ readonly name: string }>(metrics).map(({ name }) => name),
  );
  expect(own.filter((name) => !kept.test(name))).toEqual([]);
  const isOwn = (series: string): boolean => own.some((name) => series.startsWith(name));
  const sent = [...labelsBySeries.keys()].filter((name) => name !== 'up' && !isOwn(name));
  expect(sent.length).toBeGreaterThan(200);
  expect(sent.filter((name) => kept.test(name))).toEqual([]);
});

test('the scrape beside OTLP names a host as the data points do', () => {
  const regex = (parse(TEXT) as Configuration).scrape_configs[0]?.relabel_configs[0]?.regex;
  expect('kvm1.example:9177'.replace(new RegExp(`^(?:${regex})$`), '$1')).toBe('kvm1.example');
});
