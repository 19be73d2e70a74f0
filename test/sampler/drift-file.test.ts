import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type DomainDrift, driftRecordText, type RecordedEffect } from '../../model/drift-record.ts';
import { DriftFile } from '../../sampler/local/drift-file.ts';

const HOUR_MS = 3_600_000;
const DRIFTED: DomainDrift = {
  checkedAtMs: 1_000,
  isDrifted: true,
  settings: { held: 3, waits: 0, run: 1, definition: 0, unsupported: 0 },
  violations: { refuse: 0, warn: 2 },
};

let folder: string;
let path: string;
let file: DriftFile;
let failures: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-drift-'));
  path = join(folder, 'drift.json');
  failures = [];
  file = new DriftFile(path, ({ code, message }) => failures.push(`${message} [${code}]`));
});
afterEach(() => rmSync(folder, { recursive: true }));

const record = (drift: DomainDrift, hostname = 'kvm1'): string =>
  driftRecordText({ hostname, domains: new Map([['u1', drift]]), effects: new Map() });
const write = (drift: DomainDrift, hostname = 'kvm1'): void => writeFileSync(path, record(drift, hostname));
const read = async (nowMs = 1_000, hostname: string | undefined = 'kvm1', uuid = 'u1') => {
  await file.look(10_000);
  return file.of(uuid, { hostname, reason: undefined }, nowMs);
};
const missing = (reason: string) => ({ checkedAtMs: undefined, found: undefined, missing: reason });

test('what the tuner wrote is there at the next tick, and gone when the file is', async () => {
  expect(await read()).toEqual(missing('not_measured'));
  write(DRIFTED);
  expect(await read()).toEqual({ checkedAtMs: 1_000, found: DRIFTED });
  write({ ...DRIFTED, isDrifted: false, checkedAtMs: 22_000 });
  expect((await read(22_000)).found?.isDrifted).toBe(false);
  rmSync(path);
  expect(await read()).toEqual(missing('not_measured'));
  expect(failures).toEqual([]);
});

const EFFECT: RecordedEffect = {
  figure: 'libvirt_domain_cpu_steal_ratio',
  verdict: 'worse',
  isKept: false,
  measuredAtMs: 500,
  ratio: 1.2,
  low: 1.1,
};

test('what an experiment found stays, of a VM that was not checked and after a check has become stale', async () => {
  const effects = new Map([
    ['u1', EFFECT],
    ['u2', EFFECT],
  ]);
  writeFileSync(path, driftRecordText({ hostname: 'kvm1', domains: new Map([['u1', DRIFTED]]), effects }));
  expect(await read()).toEqual({ checkedAtMs: 1_000, found: DRIFTED, effect: EFFECT });
  expect(await read(1_000, 'kvm1', 'u2')).toEqual({ ...missing('not_measured'), effect: EFFECT });
  expect(await read(1_001 + 25 * HOUR_MS)).toMatchObject({ missing: 'stale', effect: EFFECT });
  expect(await read(1_000, 'kvm2')).toEqual(missing('other_host'));
});

test('a VM whose profile cannot be read has that reason for as long as checks say so', async () => {
  const withoutProfile = new Map([['u2', 1_000]]);
  const domains = new Map([['u1', DRIFTED]]);
  writeFileSync(path, driftRecordText({ hostname: 'kvm1', domains, withoutProfile, effects: new Map() }));
  expect(await read()).toEqual({ checkedAtMs: 1_000, found: DRIFTED });
  expect(await read(1_000, 'kvm1', 'u2')).toEqual(missing('no_profile'));
  expect(await read(1_000, 'kvm1', 'u3')).toEqual(missing('not_measured'));
  expect(await read(1_001 + 25 * HOUR_MS, 'kvm1', 'u2')).toEqual(missing('stale'));
  writeFileSync(
    path,
    JSON.stringify({ format: 1, hostname: 'kvm1', domains: {}, withoutProfile: { u2: '1' } }),
  );
  expect(await read(1_000, 'kvm1', 'u2')).toEqual(missing('unreadable'));
});

test('a record of an earlier virtune has no effects, and one with an invalid effect is damaged', async () => {
  writeFileSync(path, JSON.stringify({ format: 1, hostname: 'kvm1', domains: { u1: DRIFTED } }));
  expect(await read()).toEqual({ checkedAtMs: 1_000, found: DRIFTED });
  for (const wrong of [{ verdict: 'fine' }, { ratio: '2' }, { isKept: 1 }, { measuredAtMs: null }]) {
    const effects = { u1: { ...EFFECT, ...wrong } };
    writeFileSync(path, JSON.stringify({ format: 1, hostname: 'kvm1', domains: {}, effects }));
    expect(await read()).toEqual(missing('unreadable'));
  }
  expect(failures.at(-1)).toContain('it is damaged: the entry of "u1" is invalid');
});

test('a check that is more than 25 hours old says when it was, and nothing of the VM', async () => {
  write(DRIFTED);
  expect((await read(1_000 + 25 * HOUR_MS)).found).toEqual(DRIFTED);
  expect(await read(1_001 + 25 * HOUR_MS)).toEqual({
    checkedAtMs: 1_000,
    found: undefined,
    missing: 'stale',
  });
});

test('nor does a check that is dated later than now, as after a clock was set back', async () => {
  write(DRIFTED);
  expect((await read(1_000)).found).toEqual(DRIFTED);
  expect(await read(999)).toEqual({ checkedAtMs: 1_000, found: undefined, missing: 'stale' });
});

test('a record of another host is reported with both names, and a VM that was not checked has the reason', async () => {
  write(DRIFTED);
  expect(await read(1_000, 'kvm1', 'u2')).toEqual(missing('not_measured'));
  expect(failures).toEqual([]);
  expect(await read(1_000, 'kvm2')).toEqual(missing('other_host'));
  expect(await read(1_000, 'kvm2', 'u2')).toEqual(missing('other_host'));
  expect(failures).toEqual([
    `the drift record ${path} cannot be used: it was recorded for host "kvm1", but this host is "kvm2"; run virtune tune drift --record on this host, or name another file with --path.drift [DRIFT_RECORD]`,
  ]);
});

test('while libvirt has not answered which host this is, the reason for that is given', async () => {
  write(DRIFTED);
  await file.look(10_000);
  expect(file.of('u1', { hostname: undefined, reason: 'no_connection' }, 1_000)).toEqual(
    missing('no_connection'),
  );
  expect(file.of('u1', { hostname: undefined, reason: undefined }, 1_000)).toEqual(missing('not_asked_yet'));
});

const REMOVE = 'remove it and run virtune tune drift --record, or name another file with --path.drift';

test.each([
  ['no text', '', 'it is empty'],
  ['text', 'no JSON', 'it is damaged, or another file: it is not JSON'],
  ['a part of a record', record(DRIFTED).slice(0, -10), 'it is damaged, or another file: it is not JSON'],
  [
    'a newer format',
    JSON.stringify({ format: 2, hostname: 'kvm1', domains: { u1: DRIFTED } }),
    'it has format 2, of a newer virtune; this one reads format 1',
  ],
  ['a list', '[]', 'it is not a drift record, but another file'],
  ['JSON of another program', '{"name":"x","version":1}', 'it is not a drift record, but another file'],
  [
    'no host name',
    JSON.stringify({ format: 1, domains: {} }),
    'it is damaged: its format, hostname or domains are invalid',
  ],
  [
    'a VM without its counts',
    JSON.stringify({ format: 1, hostname: 'kvm1', domains: { u1: { isDrifted: true } } }),
    'it is damaged: the entry of "u1" is invalid',
  ],
  [
    'a negative count',
    record({ ...DRIFTED, violations: { refuse: -1, warn: 0 } }),
    'it is damaged: the entry of "u1" is invalid',
  ],
])('%s in the file is reported once, with path and reason, and gives nothing', async (_, text, reason) => {
  writeFileSync(path, text);
  expect(await read()).toEqual(missing('unreadable'));
  expect(await read()).toEqual(missing('unreadable'));
  expect(failures).toEqual([`the drift record ${path} cannot be used: ${reason}; ${REMOVE} [DRIFT_RECORD]`]);
});

test('it is reported again for another reason, and after a time without one', async () => {
  writeFileSync(path, '');
  await read();
  writeFileSync(path, '[]');
  await read();
  write(DRIFTED);
  expect((await read()).found).toEqual(DRIFTED);
  writeFileSync(path, '');
  await read();
  expect(failures.map((text) => /used: ([^;]+)/.exec(text)?.[1])).toEqual([
    'it is empty',
    'it is not a drift record, but another file',
    'it is empty',
  ]);
});

test('a pipe, a folder or a huge file in the place of the file is reported, and does not stop a tick', async () => {
  execFileSync('mkfifo', [path]);
  expect(await read()).toEqual(missing('unreadable'));
  rmSync(path);
  mkdirSync(path);
  expect(await read()).toEqual(missing('unreadable'));
  rmSync(path, { recursive: true });
  writeFileSync(path, record(DRIFTED));
  truncateSync(path, 4 * 1_024 * 1_024 + 1);
  expect(await read()).toEqual(missing('unreadable'));
  expect(failures.map((text) => /used: ([^;]+)/.exec(text)?.[1])).toEqual([
    'it is not a regular file',
    'it is larger than 4 MiB',
  ]);
});

/** Root may read every file, so this runs in another process as another user. */
test('a file that may not be read says so, and is read once it may be', async () => {
  write(DRIFTED);
  chmodSync(folder, 0o755);
  const script = `
    import { chmodSync, chownSync } from 'node:fs';
    const { DriftFile } = await import(${JSON.stringify(join(import.meta.dirname, '../../sampler/local/drift-file.ts'))});
    const path = 'drift.json';
    if (process.getuid() === 0) {
      chownSync(path, 65534, 65534);
      process.setuid(65534);
    }
    const said = [];
    const file = new DriftFile(path, ({ message }) => said.push(message));
    const look = async () => { await file.look(10_000); const { found, missing } = file.of('u1', { hostname: 'kvm1' }, 1000); return missing ?? found.isDrifted; };
    const seen = [await look()];
    for (const mode of [0, 0, 0o644]) { chmodSync(path, mode); seen.push(await look()); }
    console.log(JSON.stringify({ seen, said }));`;
  // By its name in the working folder: parent folders are not accessible to other users.
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(JSON.parse(out)).toEqual({
    seen: [true, 'not_permitted', 'not_permitted', true],
    said: [
      `the drift record drift.json cannot be used: EACCES: permission denied; make it readable by the exporter's user: chmod 644 for the file, 755 for the folder`,
    ],
  });
});

test('a file system that hangs is waited for once, not read twice, and what it says at last counts', async () => {
  write(DRIFTED);
  let opened = 0;
  const hung = Promise.withResolvers<void>();
  file = new DriftFile(path, undefined, async (...args) => {
    opened++;
    await hung.promise;
    return open(...args);
  });
  await file.look(1);
  await file.look(1_000_000);
  const known = () => file.of('u1', { hostname: 'kvm1', reason: undefined }, 1_000);
  expect([opened, known()]).toEqual([1, missing('not_measured')]);
  hung.resolve();
  await vi.waitFor(() => expect(known().found).toEqual(DRIFTED));
  await file.look(10_000);
  expect(opened).toBe(2);
});
