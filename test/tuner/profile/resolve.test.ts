import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { withConsequences } from '../../../tuner/profile/resolve.ts';
import { guestXml, host, LOCAL, NIC, profileOf, running, state } from './fixtures.ts';
import { key, problemsOf, valuesOf, wishesOf } from './wishes.ts';

test('what is ruled out on the host also rules out what depends on it', () => {
  const guest = state(guestXml({ disks: 0 }));
  const wishes = wishesOf(profileOf({ 'disk.cache': 'none', 'disk.io': 'native' }), guest);
  expect(problemsOf(wishes)).toEqual({});
  const tried = wishes.map((wish) =>
    wish.setting.id === 'disk.cache'
      ? { ...wish, problem: { code: 'NO_O_DIRECT', text: 'ZFS refuses it' } }
      : wish,
  );
  expect(problemsOf(withConsequences(tried, host(), guest))).toEqual({
    'disk.cache vda': 'NO_O_DIRECT',
    'disk.io vda': 'IO_NEEDS_DIRECT',
  });
});

test('a proposal counts only once it is accepted', () => {
  const sata = state(guestXml({ bus: 'sata', disks: 0, nicModel: 'e1000e' }));
  const profile = profileOf({
    'disk.bus': 'virtio',
    'disk.queues': 2,
    'nic.model': 'virtio',
    'nic.queues': 2,
  });
  const wishes = wishesOf(profile, sata);
  expect(wishes.filter(({ proposal }) => proposal !== undefined).map(key)).toEqual([
    'disk.bus sda',
    `nic.model ${NIC}`,
  ]);
  expect(problemsOf(wishes)).toEqual({
    'disk.queues sda': 'BUS_NOT_VIRTIO',
    [`nic.queues ${NIC}`]: 'NIC_NOT_VIRTIO',
  });
  expect(problemsOf(wishesOf(profile, sata, host(), new Set(['disk.bus', 'nic.model'])))).toEqual({});
});

test.each([
  ['<wwn>', '<wwn>5000c500a1b2c3d4</wwn>', ''],
  ['<vendor>, <product>', '<vendor>ACME</vendor><product>DISK</product>', ''],
  ['<target rotation_rate>', '', " rotation_rate='1'"],
  ['<target removable>', '', " removable='on'"],
])('a disk with %s does not move to virtio, and keeps it', (named, elements, attributes) => {
  const plain = guestXml({ bus: 'scsi', disks: 1 });
  const sda = state(plain.replace("<target dev='sda'", `${elements}<target${attributes} dev='sda'`));
  const wishes = wishesOf(profileOf({ 'disk.bus': 'virtio' }), sda, host(), new Set(['disk.bus']));
  expect(problemsOf(wishes)).toEqual({ 'disk.bus sda': 'BUS_REFUSES_ELEMENT' });
  expect(wishes.find(({ target }) => target === 'sda')?.problem?.text).toContain(
    `unsupported for sda: libvirt refuses ${named} on`,
  );
  expect(valuesOf(wishes)).toEqual({ 'disk.bus sdb': 'virtio' });
  // A disk that already uses virtio needs no change, and is not checked.
  expect(problemsOf(wishesOf(profileOf({ 'disk.bus': 'virtio' }), state(guestXml())))).toEqual({});
});

test('an old libvirt takes polling times of a running domain, and keeps them nowhere', () => {
  const guest = guestXml({ more: '  <iothreads>1</iothreads>\n' });
  const profile = profileOf({ 'iothread.pollMax': 0, 'iothread.pollGrow': 'default' });
  const [old, ...rest] = wishesOf(profile, running(guest));
  expect(old).toMatchObject({ target: '1', value: '0', liveOnly: true });
  expect(old?.problem).toBeUndefined();
  expect(rest).toEqual([]);
  const modern = wishesOf(profile, running(guest), host({ libvirtVersion: 9_004_000 }));
  expect(modern.map(({ value, liveOnly }) => [value, liveOnly])).toEqual([
    ['0', undefined],
    [undefined, undefined],
  ]);
});

test('an old libvirt takes no polling times of an iothread that the running domain does not have yet', () => {
  const two = guestXml({ more: '  <iothreads>2</iothreads>\n' });
  const { live } = running(guestXml({ more: '  <iothreads>1</iothreads>\n' }));
  const old = state(two, { live });
  expect(problemsOf(wishesOf(profileOf({ 'iothread.pollMax': 0 }), old))).toEqual({
    'iothread.poll.max 2': 'POLLING_NOT_KEPT',
  });
  const modern = host({ libvirtVersion: 9_004_000 });
  expect(problemsOf(wishesOf(profileOf({ 'iothread.pollMax': 0 }), old, modern))).toEqual({});
  // An iothread that the profile adds exists by then.
  expect(problemsOf(wishesOf(profileOf({ 'iothread.count': 2, 'iothread.pollMax': 0 }), old))).toEqual({});
});

test('disks take turns at the iothreads, and there are at most as many of these as disks', () => {
  const values = (disks: number): Record<string, string | undefined> =>
    valuesOf(
      wishesOf(
        profileOf({ 'iothread.count': 4, 'disk.iothread': 'spread' }),
        state(guestXml({ disks: disks - 1 })),
      ),
    );
  expect(values(1)).toEqual({ iothreads: '1', 'disk.iothread vda': '1' });
  expect(values(3)).toMatchObject({ iothreads: '1-3', 'disk.iothread vda': '1', 'disk.iothread vdc': '3' });
  expect(values(6)).toMatchObject({ iothreads: '1-4', 'disk.iothread vdd': '4', 'disk.iothread vde': '1' });
});

test('where libvirt and QEMU can, a disk has all of the iothreads', () => {
  const profile = profileOf({ 'iothread.count': 4, 'disk.iothread': 'auto' });
  const guest = state(guestXml({ disks: 0, driver: " iothread='1'", more: '  <iothreads>1</iothreads>\n' }));
  expect(valuesOf(wishesOf(profile, guest))).toEqual({ iothreads: '1', 'disk.iothread vda': '1' });
  const modern = host({ libvirtVersion: 10_000_000, qemuVersion: 9_000_000 });
  expect(valuesOf(wishesOf(profile, guest, modern))).toEqual({
    iothreads: '1-4',
    'disk.iothread vda': undefined,
    'disk.iothreads vda': '1-4',
  });
});

test('an entry may be for some disks, and the first that names one holds for it', () => {
  const profile = profileOf({});
  const entry = { why: 'it helps', source: 'a test' };
  const knobs = new Map([
    [
      'disk.cache',
      [
        { value: 'writeback', on: ['vda'], ...entry },
        { value: 'none', on: ['vd*'], ...entry },
      ],
    ],
    ['disk.iotune.totalIopsSec', [{ value: 500, on: ['vdc'], ...entry }]],
  ]);
  expect(valuesOf(wishesOf({ ...profile, knobs }, state(guestXml({ disks: 2 }))))).toEqual({
    'disk.cache vda': 'writeback',
    'disk.cache vdb': 'none',
    'disk.cache vdc': 'none',
    'disk.iotune.totalIopsSec vdc': '500',
  });
});

test('drives with media are not changed', () => {
  const wishes = wishesOf(profileOf({ 'disk.cache': 'none' }), state(guestXml({ disks: 0 })));
  expect(wishes.map(key)).toEqual(['disk.cache vda']);
});

test('default removes a setting', () => {
  const guest = state(guestXml({ disks: 0, driver: " cache='writeback' queues='4'" }));
  expect(valuesOf(wishesOf(profileOf({ 'disk.cache': 'default', 'disk.queues': 'default' }), guest))).toEqual(
    {
      'disk.cache vda': undefined,
      'disk.queues vda': undefined,
    },
  );
});

test('parts of caches that the host can share out are taken, and others refused with what there is', () => {
  const { topology } = host();
  const bank = {
    level: 3,
    id: 0,
    sizeKiB: 15_360,
    cpus: topology.cells[0] === undefined ? host().online : host().online,
  };
  const controls = [{ type: 'both', granularityKiB: 768, leastKiB: 1_536 }];
  const on = host({
    topology: {
      ...topology,
      caches: [{ ...bank, controls }],
      memoryBandwidth: [{ id: 0, granularity: 10, least: 20 }],
    },
  });
  const problem = (values: Record<string, unknown>): Record<string, string> =>
    problemsOf(wishesOf(profileOf(values), state(guestXml()), on));
  expect(problem({ 'cpu.cache': '0-3: L3 0 both 3 MiB' })).toEqual({});
  expect(problem({ 'cpu.cache': '0-3: L3 0 both 1 MiB' })).toEqual({ cachetune: 'CACHE_SIZE' });
  expect(problem({ 'cpu.cache': '0-3: L3 1 both 3 MiB' })).toEqual({ cachetune: 'NO_SUCH_CACHE' });
  expect(problem({ 'cpu.cache': '0-9: L3 0 both 3 MiB' })).toEqual({ cachetune: 'NO_SUCH_VCPU' });
  expect(problem({ 'cpu.cache': '0-1: L3 0 both 3 MiB; 1: L3 0 both 3 MiB' })).toEqual({
    cachetune: 'VCPU_TWICE',
  });
  expect(problem({ 'cpu.memoryBandwidth': '0-3: node 0 60 %' })).toEqual({});
  expect(problem({ 'cpu.memoryBandwidth': '0-3: node 0 65 %' })).toEqual({ memorytune: 'BANDWIDTH_SIZE' });
});

test("what virtune sees of the host counts: cgroups' ranges, and CPUs that the kernel uses as well", () => {
  const local = { cgroupVersion: 2, isolatedCpus: CpuSet.parse('1-7') } as const;
  const on = host({ local: { ...LOCAL, ...local } });
  const problem = (values: Record<string, unknown>): Record<string, string> =>
    problemsOf(wishesOf(profileOf(values), state(guestXml({ vcpus: 4 })), on));
  expect(problem({ 'cpu.shares': 20_000 })).toEqual({ shares: 'SHARES_RANGE' });
  expect(problem({ 'cpu.shares': 200 })).toEqual({});
  const fifo = { 'cpu.pinning': 'dedicated', 'cpu.scheduler': 'fifo 1' };
  expect(problem({ ...fifo, 'cpu.threads': 'isolate' })).toEqual({});
  expect(problem(fifo)).toEqual({
    'vcpusched 1': 'REAL_TIME_NOT_ISOLATED',
    'vcpusched 3': 'REAL_TIME_NOT_ISOLATED',
  });
});
