import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseDomain } from '../../model/domain/domain.ts';
import { ModelXmlError } from '../../model/xml.ts';

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../fixtures', name), 'utf8');
const domain = (inside: string): string => `<domain type='kvm'><name>x</name>${inside}</domain>`;

test("a real guest's XML gives its disks, NICs, iothreads, balloon and owner", () => {
  const facts = parseDomain(fixture('domain-booted.xml'));
  expect(facts).toMatchObject({ name: 'vt-booted', type: 'qemu', os: { type: 'hvm', arch: 'x86_64' } });
  expect(facts.cpu).toMatchObject({ vcpusMaximum: 2, vcpusCurrent: 2, ioThreads: [1] });
  expect(facts.memory).toMatchObject({
    maximumKiB: 196_608,
    balloonModel: 'virtio',
    balloonPeriodSeconds: 2,
  });
  expect(facts.disks).toMatchObject([
    {
      target: 'vda',
      bus: 'virtio',
      format: 'raw',
      cache: 'none',
      io: 'native',
      ioThreads: [1],
      alias: 'virtio-disk0',
    },
    { target: 'vdb', format: 'qcow2', cache: 'writeback', discard: 'unmap', backingDepth: 0 },
  ]);
  expect(facts.interfaces).toMatchObject([
    { type: 'network', target: 'vnet0', source: 'virbr0', model: 'virtio' },
  ]);
  expect(facts.nova).toMatchObject({
    instanceName: 'lab guest "quoted" & more',
    projectName: 'lab',
    flavor: 'lab.small',
  });
});

test('the definition of a guest has no aliases and no host-side names', () => {
  const facts = parseDomain(fixture('domain-booted-inactive.xml'));
  expect(facts.disks[0]).toMatchObject({ target: 'vda', alias: undefined });
  expect(facts.interfaces[0]).toMatchObject({ target: undefined, source: 'default' });
});

test('the smallest domain says nothing, and everything is absent', () => {
  const facts = parseDomain(domain(''));
  expect(facts).toMatchObject({ uuid: undefined, disks: [], interfaces: [], nova: undefined });
  expect(facts.cpu).toMatchObject({ vcpusMaximum: undefined, topology: undefined, cells: [], ioThreads: [] });
  expect(facts.memory).toMatchObject({
    maximumKiB: undefined,
    hugepages: undefined,
    balloonPeriodSeconds: undefined,
  });
});

test.each([
  ["<memory unit='GiB'>2</memory>", 2_097_152],
  ["<memory unit='b'>1024</memory>", 1],
  ["<memory unit='MB'>1024</memory>", 1_000_000],
  ['<memory>7</memory>', 7],
  ["<memory unit='furlong'>7</memory>", undefined],
  ['<memory>-7</memory>', undefined],
])('%s is %s KiB', (xml, expected) => {
  expect(parseDomain(domain(xml)).memory.maximumKiB).toBe(expected);
});

test('disks of every kind are understood, an empty drive and a chain among them', () => {
  const { disks } = parseDomain(
    domain(`<devices>
    <disk type='block' device='disk'><source dev='/dev/sdb'/><target dev='hda' bus='ide'/></disk>
    <disk type='network'><source protocol='rbd' name='pool/img'/><target dev='vdb'/></disk>
    <disk type='volume'><source pool='p' volume='v'/><target dev='vdc'/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <disk type='file'><source file='/top'/><target dev='vdd'/>
      <backingStore type='file'><source file='/mid'/><backingStore type='file'><source file='/base'/><backingStore/></backingStore></backingStore></disk>
    <disk type='file'><source file='/nameless'/></disk>
  </devices>`),
  );
  expect(disks.map((disk) => [disk.target, disk.source?.name, disk.backingDepth])).toEqual([
    ['hda', '/dev/sdb', 0],
    ['vdb', 'rbd:pool/img', 0],
    ['vdc', 'p/v', 0],
    ['sda', undefined, 0],
    ['vdd', '/top', 2],
  ]);
  expect(disks[3]).toMatchObject({ device: 'cdrom', readOnly: true });
});

test('the images below the top one are read from there down, and one without a name counts', () => {
  const below = (type: string, source: string, inside: string): string =>
    `<backingStore type='${type}'><format type='qcow2'/>${source}${inside}</backingStore>`;
  const chain = below(
    'block',
    "<source dev='/dev/vg/two'/>",
    below(
      'file',
      '<source/>',
      below('network', "<source protocol='nbd' name='low?key=hidden'/>", '<backingStore/>'),
    ),
  );
  const { disks } = parseDomain(
    domain(`<devices><disk type='file'><source file='/top'/><target dev='vda'/>${chain}
      <iotune><total_bytes_sec>5</total_bytes_sec><group_name>shared</group_name></iotune></disk>
      <disk type='file'><source file='/x'/><target dev='vdb'/></disk></devices>`),
  );
  expect(disks).toMatchObject([
    {
      backingDepth: 3,
      backing: [
        { kind: 'block', name: '/dev/vg/two' },
        { kind: 'file', name: '' },
        { kind: 'network', name: 'nbd:low', protocol: 'nbd' },
      ],
      limitGroup: 'shared',
    },
    { backingDepth: 0, backing: [], limitGroup: undefined },
  ]);
});

const NVME =
  "<source type='pci' managed='yes' namespace='1'><address type='pci' domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/></source>";

/** Every kind of <source> in libvirt's formatdomain, with credentials where it may contain any. */
test.each([
  ['file', "<source file='/img' startupPolicy='optional'/>", '/img', undefined],
  ['block', "<source dev='/dev/sdb'/>", '/dev/sdb', undefined],
  ['dir', "<source dir='/folder'/>", '/folder', undefined],
  ['volume', "<source pool='p' volume='v' mode='host'/>", 'p/v', undefined],
  ['nvme', NVME, '0000:3b:00.1/1', undefined],
  ['vhostuser', "<source type='unix' path='/run/spdk.sock'/>", '/run/spdk.sock', undefined],
  ['vhostvdpa', "<source dev='/dev/vhost-vdpa-0'/>", '/dev/vhost-vdpa-0', undefined],
  [
    'network',
    "<source protocol='rbd' name='pool/img'><host name='mon' port='6789'/><auth username='admin'><secret type='ceph' uuid='x'/></auth></source>",
    'rbd:pool/img',
    'rbd',
  ],
  [
    'network',
    "<source protocol='iscsi' name='iqn.2013-07.com.example:t/1'><host name='h' port='3260'/></source>",
    'iscsi:iqn.2013-07.com.example:t/1',
    'iscsi',
  ],
  ['network', "<source protocol='nbd'><host name='h' port='10809'/></source>", 'nbd:h:10809', 'nbd'],
  ['network', "<source protocol='nbd'><host transport='unix' socket='/s'/></source>", 'nbd:/s', 'nbd'],
  ['network', "<source protocol='nbd' name='export'><host name='h'/></source>", 'nbd:export', 'nbd'],
  [
    'network',
    "<source protocol='https' name='img?token=hidden' query='key=hidden'><host name='h' port='443'/><cookies><cookie name='c'>hidden</cookie></cookies></source>",
    'https:img',
    'https',
  ],
  [
    'network',
    "<source protocol='ssh' name='/img'><host name='h' port='22'/><identity username='hidden' keyfile='/hidden'/></source>",
    'ssh:/img',
    'ssh',
  ],
  [
    'network',
    "<source protocol='gluster' name='vol/img'><host name='h'/></source>",
    'gluster:vol/img',
    'gluster',
  ],
  [
    'network',
    "<source protocol='nfs' name='img'><host name='h'/><identity user='hidden'/></source>",
    'nfs:img',
    'nfs',
  ],
])(
  'a disk of type %s is named by its source %s, without what lets someone in',
  (type, source, name, protocol) => {
    const { disks } = parseDomain(
      domain(`<devices><disk type='${type}'>${source}<target dev='vda'/></disk></devices>`),
    );
    expect(disks[0]?.source).toEqual(
      protocol === undefined ? { kind: type, name } : { kind: type, name, protocol },
    );
    expect(JSON.stringify(disks[0])).not.toContain('hidden');
  },
);

const nicOf = (type: string, inside: string): string => `<interface type='${type}'>${inside}</interface>`;

test('NICs without a name on the host are named by alias, or by MAC where the alias is taken', () => {
  const { interfaces } = parseDomain(
    domain(`<devices>
    ${nicOf('vhostuser', "<mac address='52:54:00:00:00:01'/><source type='unix' path='/run/a'/><target dev=''/><alias name='net0'/>")}
    ${nicOf('user', "<mac address='52:54:00:00:00:02'/><alias name='net1'/>")}
    ${nicOf('bridge', "<mac address='52:54:00:00:00:03'/><source bridge='br0'/><target dev='vnet2'/><alias name='net2'/>")}
    ${nicOf('ethernet', "<mac address='52:54:00:00:00:04'/><target dev='net4'/><alias name='net3'/>")}
    ${nicOf('hostdev', "<mac address='52:54:00:00:00:05'/><source><address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/></source><alias name='net4'/>")}
    ${nicOf('mcast', "<mac address='52:54:00:00:00:06'/><source address='230.0.0.1' port='5558'/><alias name='net5'/>")}
    ${nicOf('vdpa', "<mac address='52:54:00:00:00:07'/><source dev='/dev/vhost-vdpa-0'/><alias name='net6'/>")}
    ${nicOf('user', "<mac address='52:54:00:00:00:08'/>")}
  </devices>`),
  );
  expect(interfaces.map(({ name, source }) => [name, source])).toEqual([
    ['net0', '/run/a'],
    ['net1', undefined],
    ['vnet2', 'br0'],
    ['net4', undefined],
    ['52:54:00:00:00:05', '0000:3b:02.1'],
    ['net5', '230.0.0.1:5558'],
    ['net6', '/dev/vhost-vdpa-0'],
    [undefined, undefined],
  ]);
});

test('a MAC address that the guest has set is read beside the configured one, and other text is not', () => {
  const { interfaces } = parseDomain(
    domain(`<devices>
    ${nicOf('direct', "<mac address='52:54:00:00:00:01' currentAddress='52:54:00:00:00:99'/>")}
    ${nicOf('direct', "<mac address='52:54:00:00:00:02'/>")}
    ${nicOf('direct', "<mac address='52:54:00:00:00:03' currentAddress='zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'/>")}
  </devices>`),
  );
  expect(interfaces.map(({ mac, currentMac }) => [mac, currentMac])).toEqual([
    ['52:54:00:00:00:01', '52:54:00:00:00:99'],
    ['52:54:00:00:00:02', undefined],
    ['52:54:00:00:00:03', undefined],
  ]);
});

test('pins, guest cells, hugepages and numatune are read', () => {
  const facts = parseDomain(
    domain(`<vcpu placement='static' cpuset='0-7' current='2'>4</vcpu>
    <iothreadids><iothread id='2'/><iothread id='7'/></iothreadids>
    <cputune><vcpupin vcpu='0' cpuset='1,^0'/><emulatorpin cpuset='6'/><iothreadpin iothread='7' cpuset='5'/></cputune>
    <cpu><topology sockets='1' cores='2' threads='2'/><numa><cell id='0' cpus='0-3' memory='1' unit='GiB'/></numa></cpu>
    <memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages><locked/></memoryBacking>
    <numatune><memory mode='interleave' nodeset='0-1'/><memnode cellid='0' nodeset='1'/></numatune>`),
  );
  expect(facts.cpu).toMatchObject({
    vcpusMaximum: 4,
    vcpusCurrent: 2,
    ioThreads: [2, 7],
    topology: { dies: 1, threads: 2 },
  });
  expect(facts.cpu.vcpuPins.get(0)?.toString()).toBe('1');
  expect(facts.cpu.ioThreadPins.get(7)?.toString()).toBe('5');
  expect(facts.cpu.cells[0]).toMatchObject({ memoryKiB: 1_048_576 });
  expect(facts.memory).toMatchObject({ hugepages: [1_048_576], locked: true, numaMode: 'interleave' });
  expect(facts.memory.memNodes.get(0)?.toString()).toBe('1');
});

test.each([
  [
    'an entity that would read a file',
    `<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>${domain('&e;')}`,
  ],
  ['entities that would eat memory', `<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${domain('&b;')}`],
  ['an undeclared entity', domain('<title>&x;</title>')],
  ['another document', '<network/>'],
  ['half a document', '<domain><name>'],
  ['nothing', ''],
  ['text', 'hello'],
])('%s is refused', (_what, xml) => {
  expect(() => parseDomain(xml)).toThrow(ModelXmlError);
});

test("the tuner's mark is read whatever its prefix and version, and absent where there is none", () => {
  const mark = (namespace: string): string =>
    `<domain><metadata><v:tuned xmlns:v='${namespace}' profile='oltp-database' version='ab12' at='2026-11-25T22:00:00Z' id='7'/></metadata></domain>`;
  const facts = parseDomain(mark('https://virtune.dev/xmlns/tuner/1'));
  expect(facts.tuned).toEqual({
    profile: 'oltp-database',
    version: 'ab12',
    at: '2026-11-25T22:00:00Z',
    id: '7',
  });
  expect(parseDomain(mark('https://elsewhere.example/1')).tuned).toBeUndefined();
  expect(parseDomain('<domain/>').tuned).toBeUndefined();
});

test.each([
  ['3,0-2', '0-3'],
  ['', ''],
  ['nonsense', undefined],
  ['0-99999999', undefined],
])(
  'CPUs for the host in a mark, %j, are read as a list, and are absent where they are none',
  (said, hostCpus) => {
    const { tuned } = parseDomain(
      `<domain><metadata><v:tuned xmlns:v='https://virtune.dev/xmlns/tuner/1' profile='p' version='v' at='a' id='7' hostCpus='${said}'/></metadata></domain>`,
    );
    expect([tuned?.profile, tuned?.hostCpus]).toEqual(['p', hostCpus]);
  },
);

test('a disk is served by its own iothread, by those that its queues are mapped to, or by those of its controller', () => {
  const { disks } = parseDomain(fixture('mapped-iothreads.xml'));
  expect(Object.fromEntries(disks.map(({ target, ioThreads }) => [target, ioThreads]))).toMatchObject({
    vda: [1, 4],
    sda: [4],
  });
});

const mapped = (driver: string): Record<string, number> | undefined => {
  const xml = `<domain><devices><disk type='file'><driver ${driver}</driver><target dev='vda' bus='virtio'/></disk></devices></domain>`;
  const queues = parseDomain(xml).disks[0]?.queueIoThreads;
  return queues && Object.fromEntries(queues);
};

test('each queue of a mapped disk has its iothread: as the XML says, or in turns over as many queues as it says', () => {
  const { disks } = parseDomain(fixture('mapped-iothreads.xml'));
  const found = disks.map(({ target, queueIoThreads }) => [
    target,
    queueIoThreads && Object.fromEntries(queueIoThreads),
  ]);
  expect(Object.fromEntries(found)).toMatchObject({ vda: { 0: 1, 1: 4 }, sda: { 0: 4, 1: 4 } });
  const turns = "><iothreads><iothread id='2'/><iothread id='5'/></iothreads>";
  expect(mapped(`queues='3' ${turns}`)).toEqual({ 0: 2, 1: 5, 2: 2 });
});

test('without a mapping, or with turns over an unknown number of queues, no queue has a known iothread', () => {
  expect(mapped("iothread='1' queues='2'>")).toBeUndefined();
  expect(mapped("queues='2'>")).toBeUndefined();
  expect(mapped("><iothreads><iothread id='2'/><iothread id='5'/></iothreads>")).toBeUndefined();
  expect(mapped("queues='9999999'><iothreads><iothread id='2'/></iothreads>")).toBeUndefined();
});
