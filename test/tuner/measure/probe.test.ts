import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { probe } from '../../../tuner/measure/probe.ts';

const LONG_MS = 60_000;

test('the output of a command is a figure if it is one number', async () => {
  expect(await probe('echo 12.5', LONG_MS)).toBe(12.5);
  expect(await probe('echo -3e2; true', LONG_MS)).toBe(-300);
});

test.each([
  ['echo', '--probe printed nothing instead of one number'],
  ['echo tps 12', '--probe printed "tps 12" instead of one number'],
  ['echo NaN', '--probe printed "NaN" instead of one number'],
  ['echo 12; exit 3', '--probe exited with 3, without a message'],
  [
    'echo retrying >&2; echo psql: no route to host >&2; exit 2',
    '--probe exited with 2: psql: no route to host',
  ],
  ['kill -TERM $$', '--probe was ended by SIGTERM, without a message'],
])('%s gives no figure, never 0, and says why', async (command, message) => {
  await expect(probe(command, LONG_MS)).rejects.toMatchObject({ code: 'TUNE_FIGURE', message });
});

test('output without end is neither kept nor printed whole', async () => {
  const endless = probe('yes no-number | head -c 3000000', LONG_MS);
  await expect(endless).rejects.toThrow(/^--probe printed "(no-number\\n)+[a-z-]*\.\.\." instead of/);
});

test('a command that takes too long is killed, with what it has started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-probe-'));
  const file = join(folder, 'pid');
  const late = probe(`(sleep 600 & echo $! > ${file}; wait); echo 1`, 2_000);
  await expect(late).rejects.toThrow('--probe took longer than 2 s and was killed');
  const pid = Number(readFileSync(file, 'utf8'));
  await vi.waitFor(() => expect(isRunning(pid)).toBe(false));
  rmSync(folder, { recursive: true });
});

/** A zombie counts as ended: it remains where nothing reaps orphans. */
function isRunning(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
}
