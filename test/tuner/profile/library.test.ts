import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TunerError } from '../../../tuner/errors.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-profiles-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const ENTRY = 'why: it helps, source: a test';

function put(name: string, text: string, folder = dir): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.yaml`), text);
}

async function fault(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(TunerError);
    expect((error as TunerError).code).toBe('TUNE_PROFILE');
    return (error as TunerError).message.replaceAll(dir, '');
  }
  throw new Error('it was taken');
}
const faultOf = (text: string): Promise<string> => {
  put('mine', text);
  return fault(async () => (await ProfileLibrary.open([dir])).get('mine'));
};

test('a named folder that is not there is an error', async () => {
  expect(await fault(async () => await ProfileLibrary.open([], ['/nowhere']))).toBe(
    'profiles in /nowhere cannot be read: ENOENT: no such file or directory; check the folder of --profiles, and that the user of virtune may read it',
  );
});

test('the profiles that come with virtune are there, whatever folders there are', async () => {
  expect((await ProfileLibrary.open(['/nowhere'])).places.map(({ name }) => name)).toEqual([
    'analytics-database',
    'balanced',
    'dense',
    'low-latency',
    'network',
    'oltp-database',
    'sql-server',
    'windows',
  ]);
});

test("a folder's profile stands before a built-in one of its name, and a later folder's before that", async () => {
  const [first, second] = [join(dir, 'first'), join(dir, 'second')];
  put('balanced', 'title: one', first);
  put('balanced', 'title: two', second);
  put('mine', 'title: mine\nextends: balanced', first);
  expect((await ProfileLibrary.open([first])).get('balanced').title).toBe('one');
  expect((await ProfileLibrary.open([first, second])).get('balanced').title).toBe('two');
  expect((await ProfileLibrary.open([first, second])).get('mine').lineage).toEqual(['mine', 'balanced']);
  expect(
    (await ProfileLibrary.open([second, first])).places.find(({ name }) => name === 'balanced'),
  ).toMatchObject({
    path: join(first, 'balanced.yaml'),
    builtIn: false,
  });
});

test('a profile overrides what it extends, and null removes a setting', async () => {
  put(
    'mine',
    `title: mine\nextends: oltp-database\nknobs:\n  disk.io: { value: io_uring, ${ENTRY} }\n  nic.queues: null\nhost:\n  governor: null\n`,
  );
  const [mine, theirs] = [
    (await ProfileLibrary.open([dir])).get('mine'),
    (await ProfileLibrary.open([])).get('oltp-database'),
  ];
  expect(mine.knobs.get('disk.io')?.[0]?.value).toBe('io_uring');
  expect(mine.knobs.has('nic.queues')).toBe(false);
  expect(mine.host.has('governor')).toBe(false);
  expect(mine.knobs.get('disk.cache')).toEqual(theirs.knobs.get('disk.cache'));
  expect(mine.knobs.size).toBe(theirs.knobs.size - 1);
});

test('of several that it extends, later ones have the last word, and what they share comes first', async () => {
  put(
    'base',
    `title: base\nknobs:\n  disk.cache: { value: writeback, ${ENTRY} }\n  disk.io: { value: threads, ${ENTRY} }\n`,
  );
  put(
    'left',
    `title: left\nextends: base\nknobs:\n  disk.cache: { value: none, ${ENTRY} }\n  disk.queues: { value: 1, ${ENTRY} }\n`,
  );
  put('right', `title: right\nextends: base\nknobs:\n  disk.queues: { value: 2, ${ENTRY} }\n`);
  put('both', 'title: both\nextends: [left, right]\n');
  const both = (await ProfileLibrary.open([dir])).get('both');
  expect(both.lineage).toEqual(['both', 'right', 'left', 'base']);
  expect([...both.knobs].map(([id, [entry]]) => [id, entry?.value])).toEqual([
    ['disk.cache', 'none'],
    ['disk.io', 'threads'],
    ['disk.queues', 2],
  ]);
});

test('a version depends on the content, not on the format', async () => {
  const of = async (value: string, why: string): Promise<string> => {
    put('mine', `title: mine\nknobs:\n  disk.cache: { value: ${value}, why: ${why}, source: a test }\n`);
    return (await ProfileLibrary.open([dir])).get('mine').version;
  };
  expect(await of('none', 'one')).toBe(await of('none', 'another'));
  expect(await of('none', 'one')).not.toBe(await of('writeback', 'one'));
  expect(await of('none', 'one')).toMatch(/^[0-9a-f]{12}$/);
});

test.each([
  [
    'title: x\nknobs:\n  disk.cach: { value: none, why: a, source: b }\n',
    '/mine.yaml:3: knobs.disk.cach: there is no knob "disk.cach"; did you mean disk.cache?',
  ],
  [
    'title: x\nknobs:\n  quux: { value: none, why: a, source: b }\n',
    '/mine.yaml:3: knobs.quux: there is no knob "quux"; see docs/profiles.md',
  ],
  [
    'title: x\nknobs:\n  disk.cache:\n    value: nothing\n    why: a\n    source: b\n',
    '/mine.yaml:4: knobs.disk.cache.value: "nothing" is not one of none, writeback, writethrough, directsync, unsafe; also allowed: default',
  ],
  [
    'title: x\nknobs:\n  disk.cache:\n    value: none\n    source: b\n',
    '/mine.yaml:4: knobs.disk.cache.why: why: the reason that a plan shows is missing',
  ],
  [
    'title: x\nknobs:\n  disk.cache:\n    why: a\n    source: b\n',
    '/mine.yaml:4: knobs.disk.cache.value: value is missing',
  ],
  [
    'title: x\nknobs:\n  disk.cache: none\n',
    '/mine.yaml:3: knobs.disk.cache: Invalid input: expected object, received string',
  ],
  [
    'title: x\nknobs:\n  disk.cache:\n    value: none\n    why: a\n    source: b\n    sauce: c\n',
    '/mine.yaml:7: knobs.disk.cache.sauce: Unrecognized key: "sauce"',
  ],
  [
    'title: x\nknobs:\n  disk.cache:\n    - { value: none, why: a, source: b, on: [vda] }\n    - { value: x, why: a, source: b }\n',
    '/mine.yaml:5: knobs.disk.cache.1.value: "x" is not one of none, writeback, writethrough, directsync, unsafe; also allowed: default',
  ],
  [
    'title: x\nknobs:\n  cpu.pinning: { value: none, why: a, source: b, on: [vda] }\n',
    '/mine.yaml:3: knobs.cpu.pinning.on: Unrecognized key: "on"',
  ],
  [
    'title: x\nknobs:\n  nic.rxQueueSize: { value: 300, why: a, source: b }\n',
    '/mine.yaml:3: knobs.nic.rxQueueSize.value: 300 is not a power of two from 256 to 1024; also allowed: default',
  ],
  [
    'title: x\nknobs:\n  disk.queues: { value: "= vcpus", why: a, source: b }\n',
    '/mine.yaml:3: knobs.disk.queues.value: "vcpus" cannot be used here; use vCPUs, disks, NICs, iothreads; also allowed: default',
  ],
  [
    'title: x\nknobs:\n  memory.hardLimit: { value: 2000, why: a, source: b }\n',
    '/mine.yaml:3: knobs.memory.hardLimit.value: 2000 is not a size with a unit; write for example "2 GiB"; also allowed: default',
  ],
  [
    'title: x\nhost:\n  ksm: { value: maybe, why: a, source: b }\n',
    '/mine.yaml:3: host.ksm.value: "maybe" is not on or off; also allowed: leave',
  ],
  [
    'title: x\nhost:\n  kms: { value: on, why: a, source: b }\n',
    '/mine.yaml:3: host.kms: there is no host knob "kms"; did you mean ksm?',
  ],
  ['knobs: {}\n', '/mine.yaml:1: title: title is missing'],
  ['title: x\nextends: Other\n', /mine\.yaml:2: extends: /],
  [
    'title: x\nextends: other\n',
    /mine\.yaml: extends: there is no profile "other"; available: analytics-database, balanced/,
  ],
  ['title: [\n', /mine\.yaml:\d: /],
  ['title: x\ntitle: y\n', /mine\.yaml:2: /],
])('%j is refused, at its line and key', async (text, message) => {
  expect(await faultOf(text)).toMatch(message);
});

test('all faults of a file are reported at once', async () => {
  expect((await faultOf('title: x\nknobs:\n  a: null\n  b: null\n')).split('\n')).toHaveLength(2);
});

test('a profile cannot extend itself, not even by others', async () => {
  expect(await faultOf('title: x\nextends: mine\n')).toBe(
    '/mine.yaml: extends: a profile cannot extend itself: mine, which extends mine',
  );
  put('one', 'title: x\nextends: two');
  put('two', 'title: x\nextends: [balanced, one]');
  expect(await fault(async () => (await ProfileLibrary.open([dir])).get('one'))).toBe(
    '/two.yaml: extends: a profile cannot extend itself: one, which extends two, which extends one',
  );
});

test('a profile extends at most seven others', async () => {
  for (let depth = 0; depth < 12; depth++)
    put(`p${depth}`, `title: x\n${depth === 0 ? '' : `extends: p${depth - 1}\n`}`);
  const library = await ProfileLibrary.open([dir]);
  expect(library.get('p7').lineage).toHaveLength(8);
  expect(await fault(() => library.get('p8'))).toMatch(
    /p1\.yaml: extends: a profile can extend at most 7 others: p8, which extends p7/,
  );
});

test('an unknown profile is an error that lists the known profiles', async () => {
  expect(await fault(async () => (await ProfileLibrary.open([])).get('oltp'))).toMatch(
    /there is no profile "oltp"; available: analytics-database, .*windows/,
  );
});

test.each(['Mine', 'a b', '-x', 'x'.repeat(64)])('a file named %j is not a profile', async (name) => {
  put(name, 'title: x');
  expect(await fault(async () => await ProfileLibrary.open([dir]))).toMatch(
    /is not a profile name; rename the file: lower-case letters, digits and -/,
  );
});

test('a file of any place is read as it would be in the library', async () => {
  const library = await ProfileLibrary.open([]);
  put('mine', `title: mine\nextends: balanced\nknobs:\n  nic.queues: { value: 3, ${ENTRY} }\n`);
  expect((await library.read(join(dir, 'mine.yaml'))).knobs.get('nic.queues')?.[0]?.value).toBe(3);
  expect(await fault(() => library.read(join(dir, 'other.yaml')))).toMatch(
    /other\.yaml cannot be read: ENOENT/,
  );
});

test('an unreadable folder is an error, and files other than YAML are skipped', async () => {
  put('mine', 'title: mine');
  writeFileSync(join(dir, 'README'), 'nothing');
  writeFileSync(join(dir, '.mine.yaml.swp'), 'nothing');
  expect((await ProfileLibrary.open([dir])).places).toHaveLength(9);
  expect(await fault(async () => await ProfileLibrary.open([join(dir, 'README')]))).toMatch(
    /profiles in .*README cannot be read: ENOTDIR/,
  );
});

// Root may enter every folder.
test.skipIf(process.getuid?.() === 0)(
  'a default folder inside one that the user may not enter counts as absent; a folder that the user may not list is an error',
  async () => {
    const closed = join(dir, 'closed');
    put('mine', 'title: mine', join(closed, 'profiles'));
    chmodSync(closed, 0o000);
    expect((await ProfileLibrary.open([join(closed, 'profiles')])).places).toHaveLength(8);
    expect(await fault(async () => await ProfileLibrary.open([], [join(closed, 'profiles')]))).toMatch(
      /EACCES/,
    );
    expect(await fault(async () => await ProfileLibrary.open([closed]))).toMatch(/EACCES/);
    chmodSync(closed, 0o755);
    expect((await ProfileLibrary.open([join(closed, 'profiles')])).places).toHaveLength(9);
  },
);
