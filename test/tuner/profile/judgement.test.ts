import { describe, expect, test } from 'vitest';
import type { LocalHost } from '../../../tuner/facts/local-host.ts';
import { warningsOf } from '../../../tuner/plan/warnings.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { placementRequest } from '../../../tuner/profile/placement-request.ts';
import { guestXml, host, LOCAL, profileOf, running, state } from './fixtures.ts';
import { valuesOf, wishesOf } from './wishes.ts';

const local = (changes: Partial<LocalHost>): { local: LocalHost } => ({ local: { ...LOCAL, ...changes } });

const block = (xml: string): string =>
  xml
    .replace("type='file' device='disk'", "type='block' device='disk'")
    .replace(/source file='[^']*a\.img'/, "source dev='/dev/vg/db'");

describe('disk.io auto', () => {
  const values = { 'disk.cache': 'none', 'disk.io': 'auto' };
  const raw = state(guestXml({ disks: 0 }));
  const qcow2 = state(guestXml({ disks: 0 }).replace("type='raw'", "type='qcow2'"));
  test.each([
    ['a block device', state(block(guestXml({ disks: 0 }))), values, {}, 'native'],
    ['a raw image with all its blocks', { ...raw, preallocated: new Set(['vda']) }, values, {}, 'native'],
    [
      'a sparse raw image, with io_uring',
      { ...raw, preallocated: new Set<string>() },
      values,
      { ioUring: true },
      'io_uring',
    ],
    ['a qcow2 image, with io_uring', qcow2, values, { ioUring: true }, 'io_uring'],
    ['a qcow2 image, io_uring switched off', qcow2, values, { ioUring: false }, 'threads'],
    ['an image seen from afar', raw, values, undefined, 'threads'],
    [
      'a block device behind the page cache',
      state(block(guestXml({ disks: 0 }))),
      { ...values, 'disk.cache': 'writeback' },
      { ioUring: false },
      'threads',
    ],
  ])('%s', (_, guest, said, seen, io) => {
    const on = host(seen === undefined ? {} : local(seen));
    expect(valuesOf(wishesOf(profileOf(said), guest, on))['disk.io vda']).toBe(io);
  });

  test('a network disk is not changed', () => {
    const xml = guestXml({ disks: 0 })
      .replace("type='file' device='disk'", "type='network' device='disk'")
      .replace(/<source file='[^']*a\.img'\/>/, "<source protocol='rbd' name='pool/db'/>");
    expect(valuesOf(wishesOf(profileOf(values), state(xml)))).not.toHaveProperty('disk.io vda');
  });
});

test('disk.discard auto: a preallocated image gets no holes, all else gives its space back', () => {
  const guest = { ...state(guestXml({ disks: 1 })), preallocated: new Set(['vda']) };
  expect(valuesOf(wishesOf(profileOf({ 'disk.discard': 'auto' }), guest))).toEqual({
    'disk.discard vda': 'ignore',
    'disk.discard vdb': 'unmap',
  });
});

describe('cpu.mode auto', () => {
  const plain = guestXml().replace(/ {2}<cpu mode=[^>]*\/>\n/, '');
  test.each([
    ['dedicated', 'host-passthrough', /same CPU, microcode and kernel/],
    ['cell', 'host-model', /all features of this CPU/],
  ])('is proposed with its effect on migration: pinning %s, %s', (pinning, mode, says) => {
    const [wish] = wishesOf(profileOf({ 'cpu.pinning': pinning, 'cpu.mode': 'auto' }), state(plain)).filter(
      ({ setting }) => setting.id === 'cpu.mode',
    );
    expect(wish).toMatchObject({ value: mode, proposal: expect.stringMatching(says) });
  });

  test("a VM with a CPU model near the host's is not changed", () => {
    const profile = profileOf({ 'cpu.pinning': 'dedicated', 'cpu.mode': 'auto' });
    expect(wishesOf(profile, state(guestXml())).filter(({ setting }) => setting.id === 'cpu.mode')).toEqual(
      [],
    );
  });
});

const pinned = (...cpus: number[]): string =>
  guestXml({
    vcpus: cpus.length,
    more: `  <cputune>${cpus.map((cpu, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpu}'/>`).join('')}</cputune>\n`,
  });

describe('sibling threads', () => {
  const profile = profileOf({ 'cpu.pinning': 'dedicated', 'cpu.topology': 'auto' });
  const order = (xml: string): string | undefined =>
    placementRequest(profile, host(), state(xml))?.current?.vcpus.join(' ');
  test.each([
    ['in the wrong order change places, on the same CPUs', [1, 2, 17, 18], '1 17 2 18'],
    ['in the right order stay', [2, 18, 1, 17], '2 18 1 17'],
    ["that are not all the VM's stay unchanged", [1, 2, 3, 4], '1 2 3 4'],
    ['of half a core stay unchanged', [1, 17, 2, 3], '1 17 2 3'],
  ])('%s', (_, cpus, expected) => {
    expect(order(pinned(...cpus))).toBe(expected);
  });
});

test('Nova and oVirt are named as owners that overwrite the definition', () => {
  const nova = guestXml({
    metadata:
      "<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>x</nova:name></nova:instance></metadata>\n",
  });
  const ovirt = guestXml({
    metadata:
      "<metadata><o:vm xmlns:o='http://ovirt.org/vm/1.0'><o:clusterVersion>4.7</o:clusterVersion></o:vm></metadata>\n",
  });
  const profile = profileOf({});
  expect(warningsOf([{ state: running(nova), profile }], [])).toEqual([
    expect.stringMatching(/^db01 is managed by OpenStack Nova/),
  ]);
  expect(warningsOf([{ state: running(ovirt), profile }], [])).toEqual([
    expect.stringMatching(/^db01 is managed by oVirt/),
  ]);
  expect(warningsOf([{ state: running(guestXml()), profile }], [])).toEqual([]);
});

test('memory bound strictly without hugepages is warned of, with them it is not', () => {
  const warned = (values: Readonly<Record<string, unknown>>): string[] => {
    const profile = profileOf({ 'cpu.pinning': 'dedicated', 'numa.memory': 'strict', ...values });
    const guest = state(guestXml());
    const request = placementRequest(profile, host(), guest);
    return warningsOf([{ state: guest, profile }], request === undefined ? [] : [request]);
  };
  expect(warned({})).toEqual([expect.stringMatching(/without huge pages/)]);
  expect(warned({ 'memory.pages': '2 MiB' })).toEqual([]);
  expect(warned({ 'numa.memory': 'preferred' })).toEqual([]);
});

test("the cells of PCI devices and of a macvtap's card are asked for", () => {
  const xml = guestXml({ nicType: 'direct' })
    .replace("<source network='default'/>", "<source dev='ens1' mode='bridge'/>")
    .replace(
      '</devices>',
      "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x81' slot='0x00' function='0x1'/></source></hostdev></devices>",
    );
  const on = host(local({ pciCells: new Map([['0000:81:00.1', 1]]), nicCells: new Map([['ens1', 0]]) }));
  const request = placementRequest(profileOf({ 'cpu.pinning': 'dedicated' }), on, state(xml));
  expect(request?.deviceCells).toEqual([1, 0]);
});

test('Windows has a queue for each vCPU, and no profile has more queues than vCPUs', async () => {
  const windows = (await ProfileLibrary.open([])).get('windows');
  const values = valuesOf(wishesOf(windows, state(guestXml({ vcpus: 8 }))));
  expect(values['disk.queues vda']).toBe('8');
});

test('a real-time mask: the class holds for the vCPUs that are meant, and is taken from the others', () => {
  const xml = pinned(1, 2, 3, 4).replace(
    '</cputune>',
    "<vcpusched vcpus='0-3' scheduler='fifo' priority='1'/></cputune>",
  );
  const profile = profileOf({ 'cpu.scheduler': 'fifo 1', 'cpu.realtimeVcpus': '^0-1' });
  expect(valuesOf(wishesOf(profile, state(xml)))).toEqual({
    'vcpusched 0': undefined,
    'vcpusched 1': undefined,
    'vcpusched 2': 'fifo 1',
    'vcpusched 3': 'fifo 1',
  });
});

test('mixed: only the selected vCPUs ask for dedicated CPUs, and at least one of each guest cell', () => {
  const asked = (mask: string, cells: number): string[] => {
    const profile = profileOf({
      'cpu.pinning': 'dedicated',
      'cpu.dedicatedVcpus': mask,
      'numa.cells': cells,
    });
    const request = placementRequest(profile, host(), state(guestXml({ vcpus: 8 })));
    if (request?.kind !== 'dedicated') return [];
    return [...request.cells.map(({ vcpus }) => String(vcpus)), `shared ${request.sharedVcpus}`];
  };
  expect(asked('^0-1', 1)).toEqual(['2-7', 'shared 0-1']);
  expect(asked('6-7', 2)).toEqual(['3', '6-7', 'shared 0-2,4-5']);
});

test('a mixed VM that was placed keeps its place', () => {
  const xml = guestXml({
    vcpus: 4,
    more: "<cputune><vcpupin vcpu='0' cpuset='3-7,19-23'/><vcpupin vcpu='1' cpuset='3-7,19-23'/><vcpupin vcpu='2' cpuset='1'/><vcpupin vcpu='3' cpuset='17'/></cputune>",
  });
  const profile = profileOf({ 'cpu.pinning': 'dedicated', 'cpu.dedicatedVcpus': '2-3' });
  expect(placementRequest(profile, host(), state(xml))?.current).toMatchObject({
    kind: 'dedicated',
    cells: [0],
  });
});

test.each(['', '^', 'x', '^^1', '1-'])('%j names no vCPUs', (mask) => {
  expect(() =>
    placementRequest(
      profileOf({ 'cpu.pinning': 'dedicated', 'cpu.dedicatedVcpus': mask }),
      host(),
      state(guestXml()),
    ),
  ).toThrow();
});
