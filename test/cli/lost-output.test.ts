import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VIRTUNE } from '../virtune-process.ts';
import { TunedDemo } from './tuned-demo.ts';

const TIMEOUT_MS = 120_000;

let host: TunedDemo;
beforeEach(async () => {
  host = await TunedDemo.start();
});
afterEach(() => host.stop());

/** Runs a shell script in which `"$@"` is the command; returns the shell's exit code. */
function inShell(script: string, ...args: readonly string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', script, 'bash', ...VIRTUNE, ...args], (error, _stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stderr });
    });
  });
}

const apply = (): string[] => [
  'tune',
  'apply',
  'web-01',
  '--profile',
  'balanced',
  '--yes',
  '--connect',
  host.demo.uri,
  '--state-dir',
  host.stateDir,
];
const isTuned = async (): Promise<boolean> => (await host.run('verify', 'web-01')).code === 0;

test('a change of VMs goes on to its end when the reader of its output has ended', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { code, stderr } = await inShell('set -o pipefail; "$@" | true', ...apply());
  expect({ code, stderr: stderr.includes('EPIPE') }).toEqual({ code: 0, stderr: false });
  expect(await isTuned()).toBe(true);
});

test('it goes on when the reader of its log has ended, too', { timeout: TIMEOUT_MS }, async () => {
  const { code } = await inShell('set -o pipefail; "$@" 2>&1 >/dev/null | true', ...apply());
  expect(code).toBe(0);
  expect(await isTuned()).toBe(true);
});

test.runIf(existsSync('/dev/full'))(
  'what it prints onto a full disk is lost: it says so, goes on, and exits with 74',
  { timeout: TIMEOUT_MS },
  async () => {
    const { code, stderr } = await inShell('"$@" >/dev/full', ...apply());
    expect(code).toBe(74);
    expect(stderr).toMatch(/standard output cannot be written: ENOSPC.*\[STANDARD_OUTPUT\]/);
    expect(await isTuned()).toBe(true);
  },
);
