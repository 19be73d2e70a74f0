import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { metricReference } from '../../docs/metric-reference.ts';

test('docs/metrics.md is what the catalogue says; if not, npm run docs writes it anew', () => {
  expect(readFileSync('docs/metrics.md', 'utf8')).toBe(metricReference());
});
