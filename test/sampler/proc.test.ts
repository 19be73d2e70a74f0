import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  parseNamedNumbers,
  parsePressure,
  parseProcStat,
  readLocalHost,
  readProcStat,
} from '../../sampler/host/proc.ts';
import { listNames, readProcFile } from '../../sampler/proc-file.ts';

test('CPU time comes in total and by CPU, in ns, whatever columns the kernel has', () => {
  const stat = parseProcStat(
    'cpu  10 2 3 400 5 0 1 7 0 0\ncpu0 10 2 3 400 5 0 1 7 0 0\ncpu11 1 0 0 9\nintr 5 1\nctxt 1\n',
  );
  expect(stat.totalNs.get('user')).toBe(1e8);
  expect(stat.totalNs.get('steal')).toBe(7e7);
  expect([...stat.byCpu.keys()]).toEqual([0, 11]);
  expect(stat.byCpu.get(11)?.get('steal')).toBe(0);
});

test('pressure is in ns, and full is absent where the kernel does not have it', () => {
  expect(parsePressure('some avg10=0.00 avg60=0.12 avg300=0.00 total=934806936\n')).toEqual({
    someNs: 934_806_936_000,
    fullNs: undefined,
  });
});

test('meminfo and vmstat lines are read alike', () => {
  expect(
    parseNamedNumbers('MemTotal:       24684084 kB\nActive(anon):  5 kB\npswpin 12\nnonsense\n'),
  ).toEqual(
    new Map([
      ['MemTotal', 24_684_084],
      ['Active(anon)', 5],
      ['pswpin', 12],
    ]),
  );
});

test('a host without /proc has no figures, and nothing fails', () => {
  const local = readLocalHost('/nonexistent');
  expect(local.load).toBeUndefined();
  expect([local.pressure.size, local.meminfoKiB.size, local.vmstat.size]).toEqual([0, 0, 0]);
  expect(readProcFile('/nonexistent/stat')).toBeUndefined();
});

test("this machine's own /proc can be read", () => {
  const { load, meminfoKiB } = readLocalHost('/proc');
  expect(load?.every((each) => each >= 0)).toBe(true);
  expect(meminfoKiB.get('MemTotal')).toBeGreaterThan(0);
});

test('a file larger than any before is read whole', () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-file-'));
  try {
    const text = 'é'.repeat(100_000);
    writeFileSync(join(folder, 'large'), text);
    expect(readProcFile(join(folder, 'large'))).toBe(text);
    expect(listNames(folder)).toEqual(['large']);
    expect([readProcFile(folder), listNames(join(folder, 'no'))]).toEqual([undefined, []]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('/proc/stat is read where it is, and no figure is made up where it is not', () => {
  const root = mkdtempSync(join(tmpdir(), 'virtune-proc-'));
  expect(readProcStat(root)).toBeUndefined();
  const text = 'cpu  100 0 0 50 0 0 0 0 0 0\ncpu0 100 0 0 50 0 0 0 0 0 0\n';
  writeFileSync(join(root, 'stat'), text);
  expect(readProcStat(root)).toEqual(parseProcStat(text));
  rmSync(root, { recursive: true });
});
