import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { topCommand } from '../../cli/top.ts';
import { withTables } from '../../docs/column-reference.ts';
import { screenshots } from '../../docs/screenshots.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

test('docs/top.md has the columns, keys and reasons that there are (npm run docs)', () => {
  const page = read('top.md');
  expect(withTables(page)).toBe(page);
});

test('pictures in docs/ are what the console draws (npm run docs)', () => {
  for (const [name, picture] of screenshots()) expect(read(name) === picture, name).toBe(true);
});

test('docs/top.md names every flag', () => {
  const page = read('top.md');
  const flags = topCommand().options.map(({ long }) => long ?? '');
  expect(flags.filter((flag) => !page.includes(flag))).toEqual([]);
});
