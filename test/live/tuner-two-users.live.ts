import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { acquireLease } from '../../tuner/lock/acquire-lease.ts';
import type { HostLease } from '../../tuner/lock/held-lease.ts';
import { ownRecord } from '../../tuner/lock/lease-record.ts';
import { virsh } from './lab/virsh.ts';

const held: HostLease[] = [];
afterEach(async () => {
  for (const lease of held.splice(0)) await lease.release();
});

const OF = { command: 'virtune tune apply', since: '2026-01-01T00:00:00Z', version: 'test' };

async function take(record = ownRecord(OF)): Promise<HostLease> {
  const lease = await acquireLease({
    open: () => connect('qemu:///system', { readOnly: false }),
    record,
    hostname: 'lab',
    waitMs: 0,
    onSay: () => undefined,
  });
  held.push(lease);
  return lease;
}

test('libvirtd gives its lock to one of twenty that ask at once, and keeps nothing of it afterwards', async () => {
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => take()));
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(held[0]?.kind).toBe('libvirt');
  expect(virsh('secret-list')).toContain('virtune-tuner-lock');
  await held.splice(0)[0]?.release();
  expect(virsh('secret-list')).not.toContain('virtune-tuner-lock');
});

test('the lock of a run that was killed on this machine is taken over at once, and its old holder stops', async () => {
  const child = spawn('sleep', ['600']);
  await once(child, 'spawn');
  const old = await take(ownRecord(OF, '/proc', child.pid));
  await old.check();
  await expect(take()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
  child.kill('SIGKILL');
  await once(child, 'close');
  const lease = await take();
  await lease.check();
  await expect(old.check()).rejects.toMatchObject({ code: 'TUNE_LOCKED' });
});
