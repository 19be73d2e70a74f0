import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applied, ROOT, readRecipes } from './recipe.ts';

const recipes = readRecipes();
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

test('there is a recipe for each thing that is added often', () => {
  expect(recipes.map(({ title }) => title)).toEqual([
    'How to add a metric',
    'How to add an alert',
    'How to add a setting and its knob',
    'How to add a column to top',
  ]);
});

test.each(recipes)('$title: its patches fit the sources', ({ patches }) => {
  expect(patches.length).toBeGreaterThan(0);
  for (const patch of patches) {
    const path = join(ROOT, patch.file);
    expect(existsSync(path), patch.file).toBe(!patch.isNew);
    const before = patch.isNew ? '' : readFileSync(path, 'utf8');
    expect(applied(patch, before)).not.toBe(before);
  }
});

test.each(recipes)('$title: the scripts and test files that it names exist', ({ commands, patches }) => {
  const news = patches.filter(({ isNew }) => isNew).map(({ file }) => file);
  const files = commands.flatMap((line) => line.match(/\b(test|docs|dashboards)\/[\w./-]+/g) ?? []);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect(news.includes(file) || existsSync(join(ROOT, file)), file).toBe(true);
  const named = commands.flatMap((line) =>
    [...line.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name),
  );
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test('a patch is refused where its text is not in the file, or is there twice', () => {
  const patch = { file: 'x.ts', isNew: false, hunks: [{ before: 'a\n', after: 'a\nb\n' }] };
  expect(applied(patch, 'x\na\ny\n')).toBe('x\na\nb\ny\n');
  expect(() => applied(patch, 'x\n')).toThrow('x.ts has 0 places');
  expect(() => applied(patch, 'a\na\n')).toThrow('x.ts has 2 places');
});
