import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { expect, test } from 'vitest';
import { cell, compatibilityReference } from '../../docs/compatibility-reference.ts';
import { PARTS, type Row, SUITES, type Suite, type SuiteName } from '../../docs/compatibility-rows.ts';
import { calls } from '../../libvirt/calls/all.ts';
import { LIBVIRT_FEATURES } from '../../model/libvirt-features.ts';
import type { TestedVersion } from '../../model/tested-versions.ts';
import liveConfig from '../live/vitest.config.ts';
import { testTitlesOf } from './source-texts.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const rows = Object.values(PARTS).flat();
const suites = Object.entries<Suite>(SUITES);

test('docs/compatibility.md is what the table says (npm run docs)', () => {
  expect(read('docs/compatibility.md')).toBe(compatibilityReference());
});

test('every test that the table names is there and runs, in the suite that it names', () => {
  const missing = rows.flatMap(({ feature, proofs }) =>
    proofs
      .filter(([suite, name]) => !testTitlesOf(read(SUITES[suite].file)).includes(name))
      .map(([suite, name]) => `${feature}: ${SUITES[suite].file} has no ${name}`),
  );
  expect(missing).toEqual([]);
});

test('a title in a comment or of a skipped test is not that of a test that runs', () => {
  const source = `
    // test('in a comment', () => undefined);
    test.skip('skipped', () => undefined);
    kvmTest.skip('skipped with KVM', () => undefined);
    test.todo('to do');
    describe.skip('a group', () => { test('skipped with its group', () => undefined); });
    describe('a group', () => {
      test.each([['x']])('%s of a list', () => undefined);
      kvmTest("it's with KVM", () => undefined);
    });
    test('plain', () => run('not a title'));
  `;
  expect(testTitlesOf(source)).toEqual(['%s of a list', "it's with KVM", 'plain']);
});

test('a suite that is skipped without /dev/kvm says that it needs it', () => {
  for (const [name, { file, needs }] of suites)
    expect([name, needs]).toEqual([name, read(file).includes('kvmTest(') ? '/dev/kvm' : undefined]);
});

test('every suite is named by a feature', () => {
  const named = new Set(rows.flatMap(({ proofs }) => proofs.map(([suite]) => suite)));
  expect(suites.map(([name]) => name).filter((name) => !named.has(name as SuiteName))).toEqual([]);
});

test('the contract runs its suites where the table says', () => {
  for (const [, { file, live }] of suites) {
    expect(existsSync(join(ROOT, live)), live).toBe(true);
    if (live === 'test/live/tuning-contract.live.ts') expect(read(live)).toMatch(/^tuningContract\(/m);
    if (live === 'test/live/contract.live.ts') expect(read(live)).toMatch(/^contract\('a real libvirtd/m);
    const module = file.split('/').at(-1) ?? '';
    if (file.startsWith('test/contract/tuning/'))
      expect(read('test/contract/tuning/contract.ts')).toContain(`'./${module}'`);
  }
});

/** Whether a project of the live tests has this file. */
function hasFile(project: string | undefined, file: string): boolean {
  const projects = (liveConfig.test?.projects ?? []).flatMap((each) =>
    typeof each === 'object' && 'test' in each && each.test ? [each.test] : [],
  );
  const found = projects.find(({ name }) => name === project);
  const isIn = (globs: readonly string[] = []): boolean => globs.some((glob) => matchesGlob(file, glob));
  return isIn(found?.include) && !isIn(found?.exclude);
}

/** The live tests that `.ci/nightly` runs with the libvirt of each root. */
function nightly(): Map<TestedVersion, string[]> {
  const found = new Map<TestedVersion, string[]>();
  const lines = read('.ci/nightly').replaceAll('\\\n', '').split('\n');
  for (const line of lines.filter((each) => /^ *live_on \d/.test(each))) {
    const [, version, project] = line.trim().split(' ') as [string, TestedVersion, string];
    // vitest only runs files that belong to the project.
    const files = (line.match(/test\/live\/\S+\.live\.ts/g) ?? []).filter((file) => hasFile(project, file));
    found.set(version, [...(found.get(version) ?? []), ...files]);
  }
  return found;
}

test('.ci/run runs on its own libvirt, 9.0, the suites that the table says', () => {
  const parts =
    read('.ci/run')
      .match(/^ {2}for part in (.+); do$/m)?.[1]
      ?.split(' ') ?? [];
  for (const [name, { live, on }] of suites)
    expect([name, parts.some((part) => hasFile(part, live))]).toEqual([name, on.includes('9.0')]);
});

test('.ci/nightly runs on each newer libvirt the suites that the table says', () => {
  const runs = nightly();
  for (const version of ['11.3', '12.9'] as const) {
    const said = suites.filter(([, { on }]) => on.includes(version));
    expect(new Set(said.map(([, { live }]) => live)), version).toEqual(new Set(runs.get(version)));
  }
});

test('what libvirt got later is a row of the table, or said to be none', () => {
  // These do not change any figure or setting of virtune.
  const unused = ['chipsetWatchdog', 'guestDevices'];
  const named = new Set(rows.map(({ since }) => since));
  const lacking = Object.entries(LIBVIRT_FEATURES).filter(
    ([name, since]) => !named.has(since) && !unused.includes(name),
  );
  expect(lacking.map(([name]) => name)).toEqual([]);
});

test('a procedure is in one list of the page', () => {
  const [, section = ''] = read('docs/compatibility.md').split('## Calls\n');
  const lists = section.split('\n').filter((line) => line.startsWith('- **'));
  expect(lists).toHaveLength(3);
  const listed = lists.flatMap((line) => [...line.matchAll(/(?<!event )`(\w+)`/g)].map(([, name]) => name));
  expect(listed.sort()).toEqual(Object.keys(calls).sort());
});

test('a cell is tested only by a suite that runs on its version, and no where the version is too old', () => {
  const row = (proofs: Row['proofs']): Row => ({ feature: 'x', since: { libvirt: '11.10' }, proofs });
  expect(cell(row([]), '9.0')).toBe('no');
  expect(cell(row([]), '12.9')).toBe('by schema');
  expect(cell({ feature: 'x', proofs: [['histories', 'x']] }, '11.3')).toBe('by schema');
  expect(cell(row([['answers', 'x']]), '12.9')).toBe('tested (a)');
  expect(cell(row([['answers', 'x']]), '11.3')).toBe('no (a)');
  expect(cell(row([['kvm', 'x']]), '12.9')).toBe('tested with /dev/kvm (l)');
  expect(
    cell(
      row([
        ['kvm', 'x'],
        ['answers', 'x'],
      ]),
      '11.3',
    ),
  ).toBe('no (a), with /dev/kvm (l)');
  expect(cell({ feature: 'x', since: { libvirt: '9.1', qemu: '11.1' }, proofs: [] }, '11.3')).toBe('no');
});
