import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { groups } from '../../model/catalogue/catalogue.ts';

/** The rows of docs/comparison.md: feature, virtune, and each of the others. */
const rows = readFileSync(join(import.meta.dirname, '../../docs/comparison.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

const has = (cell: string | undefined): boolean => cell !== '-' && cell !== 'no';

test('virtune has everything that any of the others has, and at least ten things that none has', () => {
  expect(rows.filter(([, virtune]) => !has(virtune)).map(([what]) => what)).toEqual([]);
  const ours = rows.filter(([, , ...others]) => !others.some(has));
  expect(ours.length).toBeGreaterThanOrEqual(10);
});

test('a group that the table names is one, and off by default as the table says', () => {
  const named = rows.flatMap(([, virtune]) => /`(\w+)`/.exec(virtune ?? '')?.[1] ?? []);
  const off = new Set(groups.filter((group) => !group.byDefault).map((group) => group.name as string));
  expect(named.filter((name) => !off.has(name))).toEqual([]);
  expect([...off].filter((name) => !named.includes(name))).toEqual([]);
});
