import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { acquireLease, type LeaseOptions } from '../../../tuner/lock/acquire-lease.ts';
import type { HostLease } from '../../../tuner/lock/held-lease.ts';
import {
  isKnownDead,
  type LeaseRecord,
  leaseXml,
  ownRecord,
  readLease,
} from '../../../tuner/lock/lease-record.ts';
import { FakeLibvirt } from '../apply/fake-libvirt.ts';

let demo: Demo;
const said: string[] = [];
beforeEach(async () => {
  demo = await startDemo();
  said.length = 0;
});
afterEach(() => demo.stop());

const RECORD = ownRecord({
  command: 'virtune tune apply --all',
  since: '2026-01-01T00:00:00Z',
  version: '1',
});
/** From another machine, where it cannot be checked whether it is alive. */
const ELSEWHERE: LeaseRecord = {
  ...RECORD,
  machine: 'laptop',
  process: { where: 'x', pid: 7, startTicks: '1' },
};

/** Time passes only while it sleeps. */
function take(record = RECORD, more: Partial<LeaseOptions> = {}): Promise<HostLease> {
  let atMs = 0;
  return acquireLease({
    open: () => connect(demo.uri, { readOnly: false }),
    record,
    hostname: 'kvm01',
    waitMs: 0,
    onSay: (text) => said.push(text),
    nowMs: () => atMs,
    sleepMs: async (ms) => {
      atMs += ms;
    },
    ...more,
  });
}

const usage = { usageType: 4, usageId: 'virtune-tuner-lock' };

test('of twenty that ask at once one gets the host, and it is free again when that one is done', async () => {
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => take()));
  const got = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  expect(got).toHaveLength(1);
  await got[0]?.release();
  await (await take()).release();
  expect(() => demo.daemon.host.secrets.byUsage(usage)).toThrow(/Secret not found/);
});

test('a host that is held is refused with who holds it, since when and from where', async () => {
  const lease = await take(ELSEWHERE);
  await expect(take()).rejects.toMatchObject({
    code: 'TUNE_LOCKED',
    message: expect.stringMatching(/on laptop \(process 7, "virtune tune apply --all", since 2026-/),
  });
  await lease.release();
});

test('a lock from elsewhere that is not renewed for 60 s of the waiter is taken over, and its old holder stops', async () => {
  const old = await take(ELSEWHERE);
  await expect(take(RECORD, { waitMs: 59_000 })).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
  const lease = await take(RECORD, { waitMs: 70_000 });
  expect(said).toEqual([expect.stringContaining('on laptop')]);
  await lease.check();
  await expect(old.check()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
  // Its release does not release its successor's lock.
  await old.release();
  await lease.check();
  await lease.release();
});

test('a lock that is renewed is never taken over, however long one waits', async () => {
  const lease = await take(ELSEWHERE);
  const { secrets } = demo.daemon.host;
  const { uuid } = secrets.byUsage(usage);
  let renewal = 0;
  let atMs = 0;
  const waiting = take(RECORD, {
    waitMs: 600_000,
    nowMs: () => atMs,
    sleepMs: async (ms) => {
      atMs += ms;
      // Renewed by another machine, whose clock may differ and whose record may have fields of a later version.
      if (atMs % 20_000 < ms) secrets.define(leaseXml(uuid, { ...ELSEWHERE, renewal: ++renewal }));
    },
  });
  await expect(waiting).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
  await lease.check();
  await lease.release();
});

test('the lock of a process of this machine that was killed is taken over at once', async () => {
  const child: ChildProcess = spawn('sleep', ['600']);
  await once(child, 'spawn');
  const { pid = 0 } = child;
  const of = { command: 'x', since: '2026-01-01T00:00:00Z', version: '1' };
  const held = { ...ownRecord(of), process: ownRecord(of, '/proc', pid).process };
  await take(held);
  await expect(take()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
  child.kill('SIGKILL');
  await once(child, 'close');
  await (await take()).release();
});

test('a libvirtd that was restarted has lost the lock, which the holder sees before its next step', async () => {
  const lease = await take();
  await demo.daemon.restart();
  await expect(lease.check()).rejects.toThrow();
  await lease.regain();
  expect(demo.daemon.host.secrets.byUsage(usage)).toBeDefined();
  await lease.release();
});

test('a libvirt without secrets provides no lock, and that is reported', async () => {
  const lease = await take(RECORD, { open: () => new FakeLibvirt().connect() });
  expect([lease.kind, said]).toEqual(['none', [expect.stringContaining('does not provide a lock')]]);
});

test('what a record says comes back as it was, whatever the command line holds', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const command = text.toWellFormed();
      const { record } = readLease(leaseXml('u', { ...RECORD, command }));
      expect(record?.format).toBe(1);
    }),
  );
  const command = `apply '<&>"' db*`;
  expect(readLease(leaseXml('u', { ...RECORD, command })).record).toEqual({ ...RECORD, command });
});

test('nothing is assumed of a holder in another PID namespace', () => {
  expect(isKnownDead(ELSEWHERE)).toBe(false);
  expect(isKnownDead(RECORD)).toBe(false);
});
