import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Connection } from '../../libvirt/client/connection.ts';
import { Deadline } from '../../sampler/deadline.ts';
import { Liveness } from '../../sampler/liveness.ts';
import { DOMAIN } from './fake-connection.ts';

const NOW_MS = 1_000_000;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'virtune-liveness-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A VM whose process is in this state; libvirt answers domainGetControlInfo with these replies in turn. */
async function look(processState: string, ...replies: readonly (object | 'no answer')[]) {
  mkdirSync(join(root, '7'));
  writeFileSync(join(root, '7/stat'), `7 (qemu-system-x86) ${processState} 1 7 7 0`);
  const left = [...replies];
  const call = async (): Promise<unknown> => {
    const reply = left.shift();
    if (reply === undefined || reply === 'no answer') throw new Error('timed out');
    return reply;
  };
  const liveness = new Liveness({
    open: async () => Promise.reject(new Error('no probe is needed')),
    hungAfterMs: 2_000,
    probeLimitMs: 5_000,
    procRoot: root,
    processes: { pidOf: () => 7 },
    nowMs: () => NOW_MS,
  });
  const verdict = await liveness.look({ call } as unknown as Connection, DOMAIN, new Deadline(10_000));
  return { sinceMs: verdict.sinceMs, unused: left.length };
}

const OCCUPIED = { state: 2, details: 0, stateTimeMs: 40_000n };
const OK = { state: 0, details: 0, stateTimeMs: 0n };

test('libvirt says since when a monitor command waits, and is asked again where only the process shows a hang', async () => {
  expect(await look('T', 'no answer', OCCUPIED)).toEqual({ sinceMs: NOW_MS - 40_000, unused: 0 });
});

test('where libvirt does not answer twice, a stopped process has hung since it was seen', async () => {
  expect(await look('t', 'no answer', 'no answer', OCCUPIED)).toEqual({ sinceMs: NOW_MS, unused: 1 });
});

test('a running process behind a libvirt that does not answer is not evidence, and is not asked about twice', async () => {
  expect(await look('S', 'no answer', OCCUPIED)).toEqual({ sinceMs: undefined, unused: 1 });
  rmSync(join(root, '7'), { recursive: true });
  expect(await look('S', OK)).toEqual({ sinceMs: undefined, unused: 0 });
});
