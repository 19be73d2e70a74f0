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

test('the packages that the README installs have the version of the source tree', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(read('README.md')).toContain(`npm install --global ./virtune-${version}.tgz`);
  expect(read('README.md')).toContain(`apt install ./build/out/virtune_${version}_amd64.deb`);
  expect(read('README.md')).toContain(`dnf install ./build/out/virtune-${version}-1.x86_64.rpm`);
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

/** As GitHub makes anchors of headings. */
function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
