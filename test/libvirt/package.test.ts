import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const manifest = (file: string): Readonly<Record<string, unknown>> => JSON.parse(read(file));

const ours = manifest('package.json');
const theirs = manifest('libvirt/package.json');

test('the package of libvirt/ has the version, the Node.js and the licence of virtune', () => {
  for (const field of ['version', 'engines', 'license', 'bugs', 'type']) {
    expect(theirs[field], field).toEqual(ours[field]);
  }
  expect(read('libvirt/LICENSE')).toBe(read('LICENSE'));
});

test('npm and the lockfile have all that they show of the package', () => {
  expect(theirs).toMatchObject({
    name: 'virtune-libvirt',
    description: expect.stringMatching(/\.$/),
    homepage: expect.stringMatching(/\/libvirt#readme$/),
    repository: { ...(ours['repository'] as object), directory: 'libvirt' },
  });
  const { packages } = manifest('package-lock.json') as { packages: Record<string, unknown> };
  expect(packages['libvirt']).toMatchObject({ name: 'virtune-libvirt', version: theirs['version'] });
});

test('what the package exports is built from an entry point that exists', () => {
  const { types, default: entry } = (theirs['exports'] as Record<string, Record<string, string>>)['.'] ?? {};
  expect([types, entry]).toEqual(['./dist/index.d.ts', './dist/index.js']);
  expect(theirs['files']).toEqual(['dist']);
  expect(readdirSync(join(ROOT, 'libvirt'))).toEqual(expect.arrayContaining(['index.ts', 'README.md']));
});

test('every example is in the README, and a test runs it', () => {
  const examples = readdirSync(join(ROOT, 'libvirt/examples'));
  expect(examples.length).toBeGreaterThan(3);
  for (const example of examples) {
    expect(read('libvirt/README.md'), example).toContain(`libvirt/examples/${example}`);
    expect(read('test/libvirt/examples.test.ts'), example).toContain(`'${example}'`);
  }
});
