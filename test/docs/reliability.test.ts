import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testTitlesOf } from './source-texts.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const page = read('docs/reliability.md');
const rows = page.split('\n').filter((line) => /^\| (?!what holds|-)/.test(line));
const named = [...page.matchAll(/"([^"]+)" \(`(test\/[^`]+)`\)/g)].map(([, title = '', file = '']) => ({
  title,
  file,
}));

test('every test that the page names is there and runs', () => {
  const missing = named.filter(
    ({ title, file }) => !existsSync(join(ROOT, file)) || !testTitlesOf(read(file)).includes(title),
  );
  expect(missing).toEqual([]);
});

test('every row names a test', () => {
  expect(rows.length).toBeGreaterThan(25);
  expect(rows.filter((row) => !/"[^"]+" \(`test\//.test(row.split(' | ')[1] ?? ''))).toEqual([]);
});
