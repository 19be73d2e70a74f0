import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseZoneInfo } from '../../sampler/host/zoneinfo.ts';
import { ZONEINFO } from './zoneinfo.ts';

test('zones of a node are added up, and a node that does not report its caches is left out', () => {
  expect([...parseZoneInfo(ZONEINFO)]).toEqual([[0, 1_440 + 740 + 50]]);
});

test('text that is not zoneinfo gives no node', () => {
  expect(parseZoneInfo('').size).toBe(0);
  expect(parseZoneInfo('MemTotal: 5 kB\n').size).toBe(0);
});

test("this machine's own nodes can be read", () => {
  const nodes = parseZoneInfo(readFileSync('/proc/zoneinfo', 'utf8'));
  expect(nodes.size).toBeGreaterThan(0);
  expect([...nodes.values()].every((pages) => pages > 0)).toBe(true);
});
