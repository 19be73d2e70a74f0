import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DomainDrift, driftRecordText } from '../../model/drift-record.ts';
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
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-drift-'));
  path = join(folder, 'drift.json');
  file = new DriftFile(path);
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (drift: DomainDrift, hostname = 'kvm1'): void =>
  writeFileSync(path, driftRecordText({ hostname, domains: new Map([['u1', drift]]) }));
const read = (nowMs = 1_000, hostname = 'kvm1', uuid = 'u1') => {
  file.startTick();
  return file.of(uuid, hostname, nowMs);
};

test('what the tuner wrote is there at the next tick, and gone when the file is', () => {
  expect(read()).toBeUndefined();
  write(DRIFTED);
  expect(read()).toEqual({ checkedAtMs: 1_000, found: DRIFTED });
  write({ ...DRIFTED, isDrifted: false, checkedAtMs: 22_000 });
  expect(read()?.found?.isDrifted).toBe(false);
  rmSync(path);
  expect(read()).toBeUndefined();
});

test('a check that is more than 25 hours old says when it was, and nothing of the VM', () => {
  write(DRIFTED);
  expect(read(1_000 + 25 * HOUR_MS)?.found).toEqual(DRIFTED);
  expect(read(1_001 + 25 * HOUR_MS)).toEqual({ checkedAtMs: 1_000, found: undefined });
});

test('a record of another host, and a VM that was not checked, give nothing', () => {
  write(DRIFTED);
  expect(read(1_000, 'kvm2')).toBeUndefined();
  expect(read(1_000, 'kvm1', 'u2')).toBeUndefined();
});

test.each([
  ['text', 'no JSON'],
  ['a newer format', JSON.stringify({ format: 2, hostname: 'kvm1', domains: { u1: DRIFTED } })],
  ['a list', '[]'],
  [
    'a VM without its counts',
    JSON.stringify({ format: 1, hostname: 'kvm1', domains: { u1: { isDrifted: true } } }),
  ],
  [
    'a negative count',
    driftRecordText({
      hostname: 'kvm1',
      domains: new Map([['u1', { ...DRIFTED, violations: { refuse: -1, warn: 0 } }]]),
    }),
  ],
])('%s in the file gives nothing', (_, text) => {
  writeFileSync(path, text);
  expect(read()).toBeUndefined();
});

test('a pipe in the place of the file does not stop a tick', () => {
  execFileSync('mkfifo', [path]);
  expect(read()).toBeUndefined();
});
