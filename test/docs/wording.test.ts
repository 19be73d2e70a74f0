import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { commentsOf, hashCommentsOf, namesOf, sourcesOf, textsOf } from './source-texts.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Avoided {
  readonly word: string;
  readonly instead: string;
  readonly pattern: RegExp;
}

const [, words = ''] = readFileSync(join(ROOT, 'docs/glossary.md'), 'utf8').split('## Words to avoid\n');
const [everywhere = '', inTexts = ''] = words.split('### In texts\n');

/** The rows of a table of the glossary. */
const rowsOf = (table: string): Avoided[] =>
  [...table.matchAll(/^\| ([^|`]+) \| ([^|`]+) \| `(.+)` +\|$/gm)].map(
    ([, word = '', instead = '', pattern = '']) => ({
      word: word.trim(),
      instead: instead.trim(),
      // Pipes are escaped in table cells, even inside code.
      pattern: new RegExp(pattern.replaceAll('\\|', '|'), 'i'),
    }),
  );

/** The rows of "Words to avoid", which apply to comments too. */
const avoidedEverywhere = rowsOf(everywhere);
const avoided: readonly Avoided[] = [...avoidedEverywhere, ...rowsOf(inTexts)];

interface Passage {
  readonly where: string;
  readonly text: string;
  /** Where the next passage begins in the text: later matches belong to it. */
  readonly ends: number;
}

/** Prose of a page, without code, commands, link targets and the list of words itself. */
function proseOf(file: string): Passage[] {
  const [prose = ''] = readFileSync(join(ROOT, file), 'utf8').split('## Words to avoid');
  return prose
    .replaceAll(/^```[\s\S]*?^```$/gm, (code) => code.replaceAll(/[^\n]/g, ''))
    .split('\n')
    .map((line) => line.replaceAll(/`[^`]*`/g, '`').replaceAll(/\]\([^)]*\)/g, ']'))
    .map((line, index, lines) => ({
      where: `${file}:${index + 1}`,
      // A phrase may continue in the next line.
      text: `${line} ${lines[index + 1]?.trimStart() ?? ''}`,
      ends: line.length,
    }));
}

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'libvirt/README.md',
  ...markdownOf('docs'),
  ...markdownOf('docs/runbooks'),
  ...markdownOf('docs/advice'),
];

function markdownOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file));
}

/** Titles, names of cases, and messages: every text of the tests except the samples in this file. */
const tests = sourcesOf('test').filter((file) => file !== 'test/docs/wording.test.ts');
const rooms = [
  'cli',
  'exporter',
  'advice',
  'tui',
  'dashboards',
  'model',
  'sampler',
  'libvirt',
  'tuner',
  'simulator',
];
const passages: readonly Passage[] = [
  ...pages.flatMap(proseOf),
  ...[...rooms.flatMap(sourcesOf), ...tests].flatMap(textsOf).map(({ file, line, text }) => ({
    where: `${file}:${line}`,
    text: text.replaceAll(/`[^`]*`/g, '`'),
    ends: text.length,
  })),
];

const hits = passages.flatMap(({ where, text, ends }) =>
  avoided
    .filter(({ pattern }) => (pattern.exec(text)?.index ?? ends) < ends)
    .map(({ word, instead }) => `${where}: "${word}" -> ${instead}: ${text.trim()}`),
);

const SCRIPTS = [
  '.ci',
  'deploy',
  'test/live/lab',
  'test/live/otlp-receivers',
  'test/bench/peers',
  'tuner/profiles',
];

/** The words of `camelCase` and `UPPER_CASE`, in lower case. */
const wordsOfName = (name: string): string =>
  name
    .replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ')
    .replaceAll('_', ' ')
    .toLowerCase();

test('the list of words to avoid is read whole, and its patterns find what they are for', () => {
  expect(avoidedEverywhere.length).toBeGreaterThan(15);
  expect(rowsOf(inTexts).length).toBeGreaterThan(15);
  const found = (text: string): string[] =>
    avoided.filter(({ pattern }) => pattern.test(text)).map(({ word }) => word);
  expect(found('It writes the file anew.')).toEqual(['anew']);
  expect(found('12 vCPUs a CPU')).toEqual(['vCPUs a CPU']);
  expect(found('reads 3 pages a second')).toEqual(['a second, a minute (rates)']);
  expect(found('A snapshot is no backup.')).toEqual(['is no X, are no X']);
  expect(found('No VM is told.')).toEqual(['told, tells']);
  expect(found('Somebody has changed it.')).toEqual(['somebody, nobody, everybody']);
  expect(found('The way back is to the letter.')).toEqual(['to the letter', 'way back (of a change)']);
  expect(found('It has CPUs to itself.')).toEqual(['have CPUs to themselves']);
  expect(found('A cell that the host has not')).toEqual(['which the host has not']);
  expect(
    found(
      'There is no backup. It is no longer there. It waits for a CPU. It needs a second sample. The host has not answered.',
    ),
  ).toEqual([]);
});

test('what a user reads, and the titles and messages of tests, avoid the words that the glossary lists', () => {
  expect(hits).toEqual([]);
});

test('what a maintainer reads in comments avoids them too', () => {
  const wrong = [...rooms, 'docs', 'build', 'test']
    .flatMap(sourcesOf)
    .flatMap(commentsOf)
    .flatMap(({ file, line, text }) => {
      const prose = text.replaceAll(/`[^`]*`/g, '`');
      return avoidedEverywhere
        .filter(({ pattern }) => pattern.test(prose))
        .map(({ word, instead }) => `${file}:${line}: "${word}" -> ${instead}: ${prose}`);
    });
  expect(wrong).toEqual([]);
});

test('comments of scripts, units, packages, roles and profiles avoid them too', () => {
  const files = SCRIPTS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/\.(?:ts|md|mjs|txt|json|sum|mod)$/.test(entry.name))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
  );
  expect(files.length).toBeGreaterThan(60);
  expect(files).toEqual(expect.arrayContaining(['.ci/run', 'deploy/systemd/virtune-exporter.service']));
  const wrong = files.flatMap((file) =>
    hashCommentsOf(file).flatMap(({ line, text }) =>
      avoidedEverywhere
        .filter(({ pattern }) => pattern.test(text))
        .map(({ word, instead }) => `${file}:${line}: "${word}" -> ${instead}: ${text}`),
    ),
  );
  expect(wrong).toEqual([]);
});

test('names in the source avoid them too', () => {
  const wrong = [...rooms, 'docs', 'build', 'test']
    .flatMap(sourcesOf)
    .flatMap((file) =>
      [...namesOf(file)]
        .filter((name) =>
          avoidedEverywhere.some(({ pattern }) => pattern.test(wordsOfName(name).replaceAll('promise', ''))),
        )
        .map((name) => `${file}: ${name}`),
    );
  expect(wordsOfName('mendsWhoever')).toBe('mends whoever');
  expect(wrong).toEqual([]);
});

test('no word runs into a value that a text inserts', () => {
  const texts = ['cli', 'exporter', 'tui', 'dashboards'].flatMap(sourcesOf).flatMap(textsOf);
  expect(texts.map(({ text }) => text).filter((text) => /…[a-z]{4,} /.test(text))).toEqual([]);
});
