import { expect, test } from 'vitest';
import type { HostExporter } from '../../../exporter/host-exporter.ts';
import { HostIds } from '../../../exporter/sampling/host-id.ts';

const [a, b, c] = [{}, {}, {}] as unknown as [HostExporter, HostExporter, HostExporter];

test('the first host with an id holds it, and later ones get that host', () => {
  const ids = new HostIds();
  expect(ids.note(a, '1')).toBeUndefined();
  expect([ids.note(b, '1'), ids.note(c, '1')]).toEqual([a, a]);
  expect([ids.note(a, '1'), ids.note(b, '1')]).toEqual([undefined, a]);
  expect(ids.note(c, '2')).toBeUndefined();
});

test('an id is free once its holder has another one, or is no longer watched', () => {
  const ids = new HostIds();
  ids.note(a, '1');
  ids.note(a, '2');
  expect(ids.note(b, '1')).toBeUndefined();
  expect(ids.note(c, '1')).toBe(b);
  ids.forget(b);
  expect(ids.note(c, '1')).toBeUndefined();
});

test('a host that shares an id and leaves does not free it', () => {
  const ids = new HostIds();
  ids.note(a, '1');
  ids.note(b, '1');
  ids.forget(b);
  expect(ids.note(c, '1')).toBe(a);
});
