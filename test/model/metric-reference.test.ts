import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { metricReference } from '../../docs/metric-reference.ts';

test('docs/metrics.md is what the catalogue says; if not, run npm run docs', () => {
  expect(readFileSync('docs/metrics.md', 'utf8')).toBe(metricReference());
});
