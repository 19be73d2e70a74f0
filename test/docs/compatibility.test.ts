import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cell, compatibilityReference } from '../../docs/compatibility-reference.ts';
import { PARTS, type Row, SUITES, type SuiteName, type Version } from '../../docs/compatibility-rows.ts';
import { LIBVIRT_FEATURES } from '../../model/libvirt-features.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const rows = Object.values(PARTS).flat();
const suites = Object.entries(SUITES);

test('docs/compatibility.md is what the table says (npm run docs)', () => {
  expect(read('docs/compatibility.md')).toBe(compatibilityReference());
});

test('every test that the table names is there, in the suite that it names', () => {
  const missing = rows.flatMap(({ feature, proofs }) =>
    proofs
      .filter(([suite, name]) => !read(SUITES[suite].file).replaceAll("\\'", "'").includes(name))
      .map(([suite, name]) => `${feature}: ${SUITES[suite].file} has no ${name}`),
  );
  expect(missing).toEqual([]);
});

test('every suite is named by a feature', () => {
  const named = new Set(rows.flatMap(({ proofs }) => proofs.map(([suite]) => suite)));
  expect(suites.map(([name]) => name).filter((name) => !named.has(name as SuiteName))).toEqual([]);
});

test('the contract runs its suites where the table says', () => {
  for (const [, { file, live }] of suites) {
    expect(existsSync(join(ROOT, live)), live).toBe(true);
    if (live === 'test/live/tuning-contract.live.ts') expect(read(live)).toContain('tuningContract(');
    const module = file.split('/').at(-1) ?? '';
    if (file.startsWith('test/contract/tuning/'))
      expect(read('test/contract/tuning/contract.ts')).toContain(`'./${module}'`);
  }
});

/** The live tests that `.ci/nightly` runs with the libvirt of each root. */
function nightly(): Map<Version, string[]> {
  const found = new Map<Version, string[]>();
  const lines = read('.ci/nightly').replaceAll('\\\n', '').split('\n');
  for (const line of lines.filter((each) => each.startsWith('live_on '))) {
    const version = line.split(' ')[1] as Version;
    const files = line.match(/test\/live\/\S+\.live\.ts/g) ?? [];
    found.set(version, [...(found.get(version) ?? []), ...files]);
  }
  return found;
}

test('.ci/nightly runs on each newer libvirt the suites that the table says', () => {
  const runs = nightly();
  for (const version of ['11.3', '12.9'] as const) {
    const said = suites.filter(([, { on }]) => (on as readonly Version[]).includes(version));
    expect(new Set(said.map(([, { live }]) => live)), version).toEqual(new Set(runs.get(version)));
  }
});

test('what libvirt got later is a row of the table, or said to be none', () => {
  // What changes no figure and no setting of virtune's.
  const unused = ['chipsetWatchdog', 'guestDevices'];
  const named = new Set(rows.map(({ since }) => since));
  const lacking = Object.entries(LIBVIRT_FEATURES).filter(
    ([name, since]) => !named.has(since) && !unused.includes(name),
  );
  expect(lacking.map(([name]) => name)).toEqual([]);
});

test('a cell is tested only by a suite that runs on its version, and no where the version is too old', () => {
  const row = (proofs: Row['proofs']): Row => ({ feature: 'x', since: { libvirt: '11.10' }, proofs });
  expect(cell(row([]), '9.0')).toBe('no');
  expect(cell(row([]), '12.9')).toBe('by schema');
  expect(cell({ feature: 'x', proofs: [['histories', 'x']] }, '11.3')).toBe('by schema');
  expect(cell(row([['answers', 'x']]), '12.9')).toBe('tested (a)');
  expect(cell(row([['answers', 'x']]), '11.3')).toBe('no (a)');
  expect(cell({ feature: 'x', since: { libvirt: '9.1', qemu: '11.1' }, proofs: [] }, '11.3')).toBe('no');
});
