import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VirtuneProcess } from '../virtune-process.ts';

const profiles = (...args: string[]) => new VirtuneProcess('tune', 'profiles', ...args).ended;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-profiles-'));
  writeFileSync(join(dir, 'mine.yaml'), 'title: "mine \\e[31m"\nextends: dense\n');
  writeFileSync(join(dir, 'broken.yaml'), 'title: x\nknobs:\n  disk.cach: null\n');
});
afterAll(() => rmSync(dir, { recursive: true }));

test('the list names every profile, and says what is wrong with a broken one', async () => {
  const good = await profiles();
  expect(good).toMatchObject({ code: 0 });
  expect(good.stdout).toMatch(/^oltp-database +balanced +virtune +PostgreSQL/m);

  const ended = await profiles('list', '--profiles', dir);
  expect(ended.code).toBe(64);
  expect(ended.stdout).toContain(join(dir, 'mine.yaml'));
  expect(ended.stdout).toMatch(/broken .*broken\.yaml:3: knobs\.disk\.cach: .*did you mean disk\.cache\?/);
  expect(ended.stdout).not.toContain('\u001b');
});

test('a profile is shown with the source of each knob, as text and as JSON', async () => {
  const text = await profiles('show', 'sql-server');
  expect(text.stdout).toContain('extends windows, oltp-database, balanced');
  expect(text.stdout).toMatch(
    / {2}disk\.cache: none {2}\(balanced\)\n +the guest has its own page cache.*\n +source: QEMU 9 manual/,
  );
  const json = JSON.parse((await profiles('show', join(dir, 'mine.yaml'), '--json')).stdout);
  expect(json).toMatchObject({ format: 1, name: 'mine', lineage: ['mine', 'dense', 'balanced'] });
  expect(json.knobs['nic.queues']).toEqual([
    { value: 1, on: null, why: expect.any(String), source: 'judgement', from: 'dense' },
  ]);
});

test('files are checked, each with a separate result', async () => {
  const ended = await profiles(
    'check',
    join(dir, 'mine.yaml'),
    join(dir, 'broken.yaml'),
    join(dir, 'none.yaml'),
  );
  expect(ended.code).toBe(64);
  const [mine, broken, none] = ended.stdout.split('\n');
  expect(mine).toMatch(/mine\.yaml: good, \d+ knobs and 3 of the host$/);
  expect(broken).toContain('broken.yaml:3: knobs.disk.cach');
  expect(none).toMatch(/none\.yaml cannot be read: ENOENT: no such file or directory \[TUNE_PROFILE\]$/);
});

test('an unknown profile is an error that lists the known profiles', async () => {
  const ended = await profiles('show', 'postgres');
  expect(ended.code).toBe(64);
  expect(ended.stderr).toMatch(
    /there is no profile "postgres"; available: analytics-database, .* \[TUNE_PROFILE\]/,
  );
});
