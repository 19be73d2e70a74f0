import { expect, test } from 'vitest';
import { fieldsOf } from '../../../exporter/elasticsearch/fields.ts';
import { DASHBOARDS } from '../../../exporter/elasticsearch/kibana/panels.ts';
import { savedObjects } from '../../../exporter/elasticsearch/kibana/saved-objects.ts';

const panels = DASHBOARDS.flatMap((dashboard) => dashboard.panels);

test.each(panels)('$title shows fields that its stream has, as what they are', (panel) => {
  const fields = new Map(fieldsOf(panel.stream).map((field) => [field.name, field]));
  for (const { field } of panel.lines) {
    expect(fields.get(field)?.metric, field).toBe(panel.as === 'rate' ? 'counter' : 'gauge');
  }
  if (panel.by !== undefined) expect(fields.get(panel.by)?.type).toBe('keyword');
});

test('each object is one line, and refers to objects that are there before it', () => {
  const objects = savedObjects()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as SavedObject);
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
  const objects = savedObjects('prod')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as SavedObject);
  for (const { type, attributes } of objects) {
    if (type === 'visualization') {
      const { params } = JSON.parse(attributes['visState'] as string) as {
        params: { index_pattern: string };
      };
      expect(params.index_pattern).toMatch(/^metrics-kvm\.[a-z]+-prod$/);
    }
    if (type === 'dashboard') expect(JSON.parse(attributes['panelsJSON'] as string)).toHaveLength(6);
  }
});

interface SavedObject {
  readonly id: string;
  readonly type: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly { readonly id: string; readonly type: string }[];
}
