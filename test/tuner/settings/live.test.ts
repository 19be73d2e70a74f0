import { expect, test } from 'vitest';
import { parseXml } from '../../../model/xml.ts';
import { findSetting, settings } from '../../../tuner/settings/all.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { NIC } from '../profile/fixtures.ts';

const DOMAIN = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };

function steps(
  id: string,
  target: string,
  to: string | undefined,
  xml = '<domain/>',
): readonly Step[] | undefined {
  const live = parseXml('the running domain', xml, 'domain');
  const setting = findSetting(id);
  if (setting === undefined) throw new Error(`there is no ${id}`);
  return setting.live?.({ domain: DOMAIN, target, from: setting.read(live, target), to, live });
}
/** The steps without their domain, which is always the same. */
const said = (...args: Parameters<typeof steps>): unknown =>
  steps(...args)?.map(({ domain: _, ...step }: Step & { domain?: unknown }) => step);
const ullong = (field: string, value: string): unknown => ({ field, type: 4, value });

test.each([
  ['vcpupin', '2', '4-5', [{ kind: 'vcpuPin', vcpu: 2, to: '4-5' }]],
  ['emulatorpin', '', '0', [{ kind: 'emulatorPin', to: '0' }]],
  ['iothreadpin', '7', '1', [{ kind: 'ioThreadPin', id: 7, to: '1' }]],
  ['shares', '', '2048', [{ kind: 'scheduler', to: [ullong('cpu_shares', '2048')] }]],
  ['vcpu.period', '', '50000', [{ kind: 'scheduler', to: [ullong('vcpu_period', '50000')] }]],
  [
    'emulator.quota',
    '',
    '20000',
    [{ kind: 'scheduler', to: [{ field: 'emulator_quota', type: 3, value: '20000' }] }],
  ],
  [
    'global.quota',
    '',
    undefined,
    [{ kind: 'scheduler', to: [{ field: 'global_quota', type: 3, value: '-1' }] }],
  ],
  ['iothread.poll.max', '1', '0', [{ kind: 'ioThreadParams', id: 1, to: [ullong('poll_max_ns', '0')] }]],
  [
    'iothread.pool',
    '1',
    '2-16',
    [
      {
        kind: 'ioThreadParams',
        id: 1,
        to: [
          { field: 'thread_pool_min', type: 1, value: '2' },
          { field: 'thread_pool_max', type: 1, value: '16' },
        ],
      },
    ],
  ],
  ['memory.current', '', '512 MiB', [{ kind: 'balloonSize', to: 524_288 }]],
  ['memtune.hardLimit', '', '2 GiB', [{ kind: 'memoryLimits', to: [ullong('hard_limit', '2097152')] }]],
  [
    'memtune.softLimit',
    '',
    undefined,
    [{ kind: 'memoryLimits', to: [ullong('soft_limit', '9007199254740991')] }],
  ],
  ['balloon.statsPeriod', '', '10', [{ kind: 'balloonPeriod', to: 10 }]],
  ['balloon.statsPeriod', '', undefined, [{ kind: 'balloonPeriod', to: 0 }]],
  ['blkio.weight', '', '300', [{ kind: 'blkio', to: [{ field: 'weight', type: 2, value: '300' }] }]],
  [
    'disk.iotune.totalIopsSec',
    'vda',
    '500',
    [{ kind: 'blockIoTune', disk: 'vda', to: [ullong('total_iops_sec', '500')] }],
  ],
  [
    'disk.iotune.group',
    'vda',
    'g',
    [{ kind: 'blockIoTune', disk: 'vda', to: [{ field: 'group_name', type: 7, value: 'g' }] }],
  ],
] as const)('%s of %j to %s is one call', (id, target, to, wanted) => {
  expect(said(id, target, to)).toEqual(wanted);
});

test.each([
  'vcpupin',
  'emulatorpin',
  'iothreadpin',
  'shares',
  'vcpu.period',
  'blkio.weight',
  'iothread.pool',
  'iothread.poll.max',
])('%s cannot be taken away while a domain runs', (id) => {
  expect(steps(id, '1', undefined)).toBeUndefined();
});

test('iothreads are added and taken away one by one, by id', () => {
  expect(said('iothreads', '', '1,3-4', '<domain><iothreads>2</iothreads></domain>')).toEqual([
    { kind: 'ioThread', id: 3, to: 'present' },
    { kind: 'ioThread', id: 4, to: 'present' },
    { kind: 'ioThread', id: 2, to: 'absent' },
  ]);
});

const disk = (iotune: string): string =>
  `<domain><devices><disk><target dev='vda'/><iotune>${iotune}</iotune></disk></devices></domain>`;

test('a limit of reads takes with it the limit of the total that it excludes, in one call', () => {
  const total = disk(
    '<total_bytes_sec>9</total_bytes_sec><total_bytes_sec_max>9</total_bytes_sec_max><write_iops_sec>5</write_iops_sec>',
  );
  expect(said('disk.iotune.readBytesSec', 'vda', '1000', total)).toEqual([
    {
      kind: 'blockIoTune',
      disk: 'vda',
      to: [
        ullong('total_bytes_sec', '0'),
        ullong('total_bytes_sec_max', '0'),
        ullong('read_bytes_sec', '1000'),
      ],
    },
  ]);
});

test('a limit that goes takes its burst with it: libvirt refuses one without the other', () => {
  const burst = disk(
    '<read_iops_sec>5</read_iops_sec><read_iops_sec_max>9</read_iops_sec_max><read_iops_sec_max_length>3</read_iops_sec_max_length>',
  );
  expect(said('disk.iotune.readIopsSec', 'vda', undefined, burst)).toEqual([
    {
      kind: 'blockIoTune',
      disk: 'vda',
      to: [
        ullong('read_iops_sec_max', '0'),
        ullong('read_iops_sec_max_length', '0'),
        ullong('read_iops_sec', '0'),
      ],
    },
  ]);
});

test("a NIC's bandwidth is set on its host side, which only the running domain has", () => {
  const nic = (target: string): string =>
    `<domain><devices><interface><mac address='${NIC.toUpperCase()}'/>${target}</interface></devices></domain>`;
  const uint = (field: string, value: string): unknown => ({ field, type: 2, value });
  expect(said('nic.bandwidth.inbound', NIC, 'average=1000 burst=64', nic("<target dev='vnet7'/>"))).toEqual([
    {
      kind: 'bandwidth',
      device: 'vnet7',
      to: [uint('inbound.average', '1000'), uint('inbound.peak', '0'), uint('inbound.burst', '64')],
    },
  ]);
  expect(said('nic.bandwidth.outbound', NIC, undefined, nic("<target dev='vnet7'/>"))).toEqual([
    {
      kind: 'bandwidth',
      device: 'vnet7',
      to: [uint('outbound.average', '0'), uint('outbound.peak', '0'), uint('outbound.burst', '0')],
    },
  ]);
  expect(steps('nic.bandwidth.inbound', NIC, 'average=1000', nic(''))).toBeUndefined();
});

test('cells can be changed only while the kernel alone places memory in them', () => {
  const numa = (mode: string): string =>
    `<domain><numatune><memory mode='${mode}' nodeset='0'/></numatune></domain>`;
  expect(said('numatune.nodeset', '', '1', numa('restrictive'))).toEqual([{ kind: 'numaNodeset', to: '1' }]);
  expect(steps('numatune.nodeset', '', '1', numa('strict'))).toBeUndefined();
});

test('nothing of a disk changes live but its limits: libvirt answers success for queues, and changes nothing', () => {
  const live = settings
    .filter((setting) => setting.on === 'disk' && setting.live !== undefined)
    .map(({ id }) => id);
  expect(live.filter((id) => !id.startsWith('disk.iotune.'))).toEqual([]);
});
