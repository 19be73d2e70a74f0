import { expect, test } from 'vitest';
import { fieldsOf } from '../../../exporter/documents/fields.ts';
import { DASHBOARDS } from '../../../exporter/elasticsearch/kibana/panels.ts';
import { savedObjects } from '../../../exporter/elasticsearch/kibana/saved-objects.ts';

const panels = DASHBOARDS.flatMap((dashboard) => dashboard.panels);

test.each(panels)('$title shows gauges that its stream has, with a line for each host or VM', (panel) => {
  const fields = new Map(fieldsOf(panel.stream).map((field) => [field.name, field]));
  for (const { field } of panel.lines) expect(fields.get(field)?.metric, field).toBe('gauge');
  expect(fields.get(panel.by)?.type).toBe('keyword');
  expect(panel.by).toBe(panel.stream === 'host' ? 'host.name' : 'kvm.path');
});

test('lines of two fields of one host have different names', () => {
  for (const { params } of visualizations()) {
    const labels = params.series.map(({ label }) => label);
    expect(new Set(labels).size).toBe(labels.length);
    for (const label of labels) expect(label).toContain('{{key}}');
  }
});

test('a panel needs no pipeline: it is the mean of a gauge over each bucket, of the ten highest lines', () => {
  for (const { type, params } of visualizations()) {
    expect(type).toBe('metrics');
    for (const { id, metrics, terms_order_by, split_mode } of params.series) {
      expect(split_mode).toBe('terms');
      expect(metrics).toEqual([{ id: `${id}-avg`, type: 'avg', field: expect.any(String) }]);
      expect(terms_order_by).toBe(`${id}-avg`);
    }
  }
});

test('each object is one line, and refers to objects that are there before it', () => {
  const objects = objectsOf();
  const seen = new Set<string>();
  for (const { id, type, references } of objects) {
    for (const reference of references) expect(seen).toContain(`${reference.type} ${reference.id}`);
    expect(seen).not.toContain(`${type} ${id}`);
    seen.add(`${type} ${id}`);
  }
  expect(objects.filter(({ type }) => type === 'dashboard').map(({ id }) => id)).toEqual([
    'virtune-hosts',
    'virtune-vm',
    'virtune-overcommit',
  ]);
});

test('what is JSON inside of JSON can be read, and a namespace reaches each panel', () => {
  const objects = objectsOf('prod');
  for (const { id, type, attributes } of objects) {
    if (type === 'visualization') {
      const { params } = JSON.parse(attributes['visState'] as string) as {
        params: { index_pattern: string };
      };
      expect(params.index_pattern).toMatch(/^metrics-kvm\.[a-z]+-prod$/);
    }
    if (type === 'dashboard') {
      const panelsOf = DASHBOARDS.find((dashboard) => dashboard.id === id)?.panels;
      expect(JSON.parse(attributes['panelsJSON'] as string)).toHaveLength(panelsOf?.length ?? 0);
    }
  }
});

interface SavedObject {
  readonly id: string;
  readonly type: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly { readonly id: string; readonly type: string }[];
}

interface Visualization {
  readonly type: string;
  readonly params: {
    readonly series: readonly {
      readonly id: string;
      readonly label: string;
      readonly metrics: unknown;
      readonly split_mode: string;
      readonly terms_order_by: string;
    }[];
  };
}

function objectsOf(namespace?: string): SavedObject[] {
  return savedObjects(namespace)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as SavedObject);
}

function visualizations(): Visualization[] {
  return objectsOf()
    .filter(({ type }) => type === 'visualization')
    .map(({ attributes }) => JSON.parse(attributes['visState'] as string) as Visualization);
}
