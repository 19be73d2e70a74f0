import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ADVICE_KINDS } from '../../advice/advice.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const pageOf = (kind: string): string => readFileSync(join(DOCS, 'advice', `${kind}.md`), 'utf8');
const overview = readFileSync(join(DOCS, 'advice.md'), 'utf8');

const SECTIONS = ['Why it matters', 'Evidence', 'What helps', 'How to check'];

test('every kind of advice has a page, and no page is of another', () => {
  const pages = readdirSync(join(DOCS, 'advice')).map((file) => file.replace(/\.md$/, ''));
  expect(pages.toSorted()).toEqual([...ADVICE_KINDS]);
});

test.each(ADVICE_KINDS)('the page of %s says why, on what evidence, what helps and how to check', (kind) => {
  const text = pageOf(kind);
  expect(text).toMatch(new RegExp(`^# ${kind}\n`));
  expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(SECTIONS);
  expect(overview).toContain(`[${kind}](advice/${kind}.md)`);
});

test('pages and runbooks link to each other', () => {
  const links = ADVICE_KINDS.flatMap((kind) =>
    [...pageOf(kind).matchAll(/\.\.\/runbooks\/(\w+)\.md/g)].map(([, alert = '']) => ({ kind, alert })),
  );
  expect(links.length).toBeGreaterThan(30);
  const missing = links.filter(
    ({ kind, alert }) =>
      !readFileSync(join(DOCS, 'runbooks', `${alert}.md`), 'utf8').includes(`../advice/${kind}.md`),
  );
  expect(missing).toEqual([]);
});
