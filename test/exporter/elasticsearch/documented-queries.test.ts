import { expect, test } from 'vitest';
import { fieldsOf } from '../../../exporter/documents/fields.ts';
import { STREAM_NAMES, type StreamName } from '../../../exporter/documents/streams.ts';
import { consoleQueries, esqlQueries, kqlQueries, namesIn } from './documented-queries.ts';

const all = [...consoleQueries, ...esqlQueries];

test('there are ten queries and more, in three languages', () => {
  expect(consoleQueries.length).toBeGreaterThanOrEqual(3);
  expect(esqlQueries.length).toBeGreaterThanOrEqual(5);
  expect(kqlQueries.length).toBeGreaterThanOrEqual(4);
});

test.each(all)('$title: each field is one of the stream that is asked', ({ text }) => {
  const [, stream = ''] = /metrics-kvm\.(\w+)-\*/.exec(text) ?? [];
  expect(STREAM_NAMES).toContain(stream);
  const fields = new Map(fieldsOf(stream as StreamName).map((field) => [field.name, field]));
  const asked = namesIn(text.replace(/metrics-kvm\S*/, '')).filter((name) => !/^(host|vm)$/.test(name));
  expect(asked.length).toBeGreaterThan(1);
  for (const name of asked) {
    expect(fields.has(name), name).toBe(true);
    expect(fields.get(name)?.metric, `${name}: the maximum of a counter is not its growth`).not.toBe(
      'counter',
    );
  }
});

test.each(kqlQueries)('%s: its fields are those of one stream', (query) => {
  const streams = STREAM_NAMES.filter((stream) => {
    const names = new Set(fieldsOf(stream).map(({ name }) => name));
    return namesIn(query.replaceAll(/"[^"]*"/g, '')).every((name) => names.has(name));
  });
  expect(streams).not.toEqual([]);
});
