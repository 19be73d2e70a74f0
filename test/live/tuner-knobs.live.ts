import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { expectedOf, versionsOf } from '../contract/expected.ts';
import { runVirtune } from '../virtune-process.ts';
import { TunedGuest } from './lab/tuned-guest.ts';
import { domstats, virsh } from './lab/virsh.ts';

/** What `virtune tune` sets on a running guest through the knobs of a profile, from the command line. */
const guest = new TunedGuest('knobs');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-knobs-'));
  guest.create('', ['sda']);
});
afterAll(() => {
  guest.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function tune(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runVirtune('tune', ...args, '--state-dir', join(folder, 'state'));
  expect(code, `${stdout}${stderr}`).toBe(0);
  return `${stdout}${stderr}`;
}

const WORD = { why: 'a test', source: 'judgement' } as const;

/** Applies a profile with these knobs, checks with `seen` what other programs report, and rolls everything back. */
async function liveAndBack(knobs: Readonly<Record<string, unknown>>, seen: () => void): Promise<void> {
  const [before, defined] = [guest.picture(), guest.inactive];
  const profile = join(folder, 'live.yaml');
  const entries = Object.entries(knobs).map(([id, value]) => [
    id,
    Array.isArray(value) ? value : { value, ...WORD },
  ]);
  writeFileSync(profile, JSON.stringify({ title: 'Live knobs', knobs: Object.fromEntries(entries) }));
  await tune('apply', guest.name, '--profile', profile, '--no-host', '--yes');
  seen();
  await tune('rollback', '--yes');
  expect(guest.picture()).toEqual(before);
  expect(guest.inactive).toBe(defined);
}

const tuneOf = (disk: string, field: string): string | undefined =>
  new RegExp(`^${field}\\s*:[ \\t]*(\\S*)`, 'm').exec(virsh('blkdeviotune', guest.name, disk))?.[1];

test("the pool of an iothread without settings: both ends in one call, and back to QEMU's defaults", async () => {
  await liveAndBack({ 'iothread.pool': '2-9' }, () =>
    expect(guest.ioThreadPools()).toEqual([
      [2, 9],
      [2, 9],
    ]),
  );
  // The new minimum exceeds QEMU's default maximum.
  await liveAndBack({ 'iothread.pool': '70-90' }, () =>
    expect(guest.ioThreadPools()).toEqual([
      [70, 90],
      [70, 90],
    ]),
  );
});

test('polling and pool of an iothread at once: both in QEMU, and both restored', async () => {
  const poll = (): string | undefined => domstats(guest.name).get('iothread.1.poll-max-ns');
  const before = poll();
  expect(before).not.toBe('65536');
  await liveAndBack({ 'iothread.pollMax': 65_536, 'iothread.pool': '2-9' }, () => {
    expect(poll()).toBe('65536');
    expect(guest.ioThreadPools()).toEqual([
      [2, 9],
      [2, 9],
    ]);
  });
  expect(poll()).toBe(before);
});

test('a limit on disks of any bus: QEMU names a group after each, and that is not a throttle group', async () => {
  await liveAndBack({ 'disk.iotune.totalIopsSec': 700 }, () => {
    expect(['vda', 'vdb', 'sda'].map((disk) => tuneOf(disk, 'total_iops_sec'))).toEqual([
      '700',
      '700',
      '700',
    ]);
    expect(tuneOf('sda', 'group_name')).toBe('scsi0-0-0-0');
  });
  expect(['vda', 'vdb', 'sda'].map((disk) => tuneOf(disk, 'total_iops_sec'))).toEqual(['0', '0', '0']);
});

test('a throttle group that a user chose for a SCSI disk is kept, and restored', async () => {
  virsh('blkdeviotune', guest.name, 'sda', '--total-iops-sec', '300', '--group-name', 'tenant', '--live');
  await liveAndBack({ 'disk.iotune.totalIopsSec': [{ value: 700, on: ['sda'], ...WORD }] }, () => {
    expect([tuneOf('sda', 'total_iops_sec'), tuneOf('sda', 'group_name')]).toEqual(['700', 'tenant']);
  });
  expect([tuneOf('sda', 'total_iops_sec'), tuneOf('sda', 'group_name')]).toEqual(['300', 'tenant']);
  virsh('blkdeviotune', guest.name, 'sda', '--total-iops-sec', '0', '--live');
});

test('an iothread that a profile removes is restored with the pin that it had only while it ran', async () => {
  virsh('iothreadpin', guest.name, '2', '1', '--live');
  await liveAndBack({ 'iothread.count': 1 }, () => {
    expect(Object.keys(guest.affinity)).not.toContain('IO iothread2');
  });
  expect(guest.affinity['IO iothread2']).toBe('1');
});

test('a throttle filter is refused: by the schema before libvirt 11.2, and later for the group that is missing', async () => {
  const connection = await connect('qemu:///system', { readOnly: true });
  const { hasThrottleGroups } = expectedOf(await versionsOf(connection));
  await connection.close();
  const xml = guest.inactive.replace(
    /(<target dev='sda')/,
    "<throttlefilters><throttlefilter group='tenant'/></throttlefilters>$1",
  );
  const file = join(folder, 'filters.xml');
  writeFileSync(file, xml);
  expect(() => virsh('define', '--validate', file)).toThrow(
    hasThrottleGroups ? /throttle group 'tenant' not found/ : /failed to validate/,
  );
});
