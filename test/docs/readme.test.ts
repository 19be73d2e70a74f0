import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { unknownIn } from './virtune-calls.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The lines of shell blocks that call virtune, without comments. */
const calls = [...read('README.md').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap(([, block = '']) => block.split('\n'))
  .map((line) => line.replace(/\s+#.*$/, ''))
  .filter((line) => line.startsWith('virtune '));

test('the README calls commands and options that exist', () => {
  expect(calls.length).toBeGreaterThan(8);
  expect(calls.flatMap(unknownIn)).toEqual([]);
  expect(unknownIn('virtune top --demmo')).toEqual(['--demmo']);
});

test('what README and installation guide install has the version of the source tree', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(read('docs/installation.md')).toContain(`npm install --global ./virtune-${version}.tgz`);
  expect(read('README.md')).toContain(`apt install ./build/out/virtune_${version}_amd64.deb`);
  expect(read('README.md')).toContain(`dnf install ./build/out/virtune-${version}-1.x86_64.rpm`);
  expect(read('README.md')).toContain(`load -i build/out/virtune-${version}-image-amd64.tar`);
  expect(read('README.md')).toContain(` virtune:${version}\n`);
  expect(read('deploy/compose/compose.yaml')).toContain(`image: virtune:${version}\n`);
  expect(read('deploy/compose/compose.yaml')).toContain(`build/out/virtune-${version}-image-amd64.tar`);
});

test('the README installs in three ways of three lines each, after the two commands without installing', () => {
  const section = /^## Install$([\s\S]*?)^## /m.exec(read('README.md'))?.[1] ?? '';
  const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    block.trim().split('\n'),
  );
  expect(blocks.map(({ length }) => length)).toEqual([1, 1, 3, 3, 3]);
  expect(blocks.slice(0, 2).flat()).toEqual(['npm install && npm start', 'npm install && npm test']);
});

test.each([
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/architecture.md',
  'docs/errors.md',
  'docs/fleet.md',
  'docs/installation.md',
  'docs/recipes.md',
])('the links of %s lead to files and headings that exist', (file) => {
  const links = [...read(file).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, target = '']) => target);
  const broken = links.filter((link) => {
    const [path = '', heading] = link.split('#');
    const target = path === '' ? file : join(dirname(file), path);
    if (!existsSync(join(ROOT, target))) return true;
    return heading !== undefined && !headingsOf(read(target)).includes(heading);
  });
  expect(broken).toEqual([]);
});

/** Anchors of headings as GitHub generates them. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
