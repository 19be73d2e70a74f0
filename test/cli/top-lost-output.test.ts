import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RECORDINGS } from '../tui/scenes.ts';
import { VIRTUNE } from '../virtune-process.ts';

interface Ended {
  readonly code: number;
  readonly stderr: string;
}

/** Runs a shell script in which `"$@"` is `virtune top`; returns the shell's exit code. */
function inShell(script: string, ...args: readonly string[]): Promise<Ended> {
  const top = [...VIRTUNE, 'top', '--no-config', ...args];
  return new Promise((resolve) => {
    execFile('bash', ['-c', `set -o pipefail; ${script}`, 'bash', ...top], (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

const REPLAY = ['--replay', join(RECORDINGS, 'noisy-neighbour.rec')];
const DEMO = ['--demo', '--delay', '0.1'];

test.each([
  ['a recording as CSV', [...REPLAY, '--csv']],
  ['a recording as JSON', [...REPLAY, '--json']],
  ['a live host as CSV', [...DEMO, '--csv', '-n', '1000']],
  ['a live host as tables', [...DEMO, '--batch', '-n', '1000']],
])('%s ends quietly when its reader has had enough', async (_, args) => {
  expect(await inShell('"$@" | head -n 1', ...args)).toEqual({ code: 0, stderr: '' });
  expect(await inShell('"$@" | true', ...args)).toEqual({ code: 0, stderr: '' });
});

test('a threshold that was crossed before counts', async () => {
  const { code } = await inShell('"$@" | head -n 1', ...REPLAY, '--csv', '--fail-on', 'vcpus>0');
  expect(code).toBe(1);
});

test.runIf(existsSync('/dev/full')).each([
  ['a recording', [...REPLAY, '--json']],
  ['a live host', [...DEMO, '--csv', '-n', '1000']],
  ['a live host with a threshold', [...DEMO, '--json', '--batch', '--fail-on', 'steal>100000%']],
])('%s onto a full disk ends with 74, and one line says why', async (_, args) => {
  const { code, stderr } = await inShell('"$@" > /dev/full', ...args);
  expect(code).toBe(74);
  expect(stderr).toMatch(/^virtune: standard output cannot be written: ENOSPC.*\[STANDARD_OUTPUT\]\n$/);
});
