import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CallArgs } from '../../../libvirt/calls/all.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { ParamType } from '../../../libvirt/typed-params.ts';
import { blockIoTune } from '../../../tuner/steps/live-settings/block-io-tune.ts';
import type { StepOf, StepParam } from '../../../tuner/steps/step.ts';
import { stepHost } from './step-host.ts';

const WAYS = ['total', 'read', 'write'] as const;
const MEASURES = ['bytes', 'iops'] as const;
const field = (way: string, measure: string, suffix: string): string => `${way}_${measure}_sec${suffix}`;

/**
 * A disk's limits as libvirt 9.0 keeps them (qemuDomainSetBlockIoTune, seen on the wire): the total, read and write
 * limits of one measure are inherited together or not at all, and total excludes the other two.
 */
class Disk {
  readonly limits = new Map<string, number>();
  group = '';
  readonly alias: string;
  /** QEMU's default name for the throttle group of a disk without one. */
  readonly own: string;

  constructor(alias = 'virtio-disk0', own = '/machine/peripheral/virtio-disk0/virtio-backend') {
    this.alias = alias;
    this.own = own;
  }

  get xml(): string {
    return `<domain><devices><disk><target dev='vda'/><alias name='${this.alias}'/></disk></devices></domain>`;
  }

  set(params: CallArgs<'domainSetBlockIoTune'>['params']): void {
    const named = new Map(params.map(({ field: name, value }) => [name, value]));
    const next = new Map(this.limits);
    for (const measure of MEASURES) {
      for (const suffix of ['', '_max', '_max_length']) {
        const names = WAYS.map((way) => field(way, measure, suffix));
        if (!names.some((name) => named.has(name))) continue;
        for (const name of names) next.set(name, Number(named.get(name) ?? 0));
      }
      for (const suffix of ['', '_max']) {
        const [total, read, write] = WAYS.map((way) => next.get(field(way, measure, suffix)) ?? 0);
        if (total && (read || write))
          throw new RemoteError('set', 8, 0, 'total and read/write cannot be set');
      }
    }
    for (const measure of MEASURES) {
      for (const way of WAYS) {
        const [burst, length] = ['_max', '_max_length'].map(
          (suffix) => next.get(field(way, measure, suffix)) ?? 0,
        );
        if (!burst && length) throw new RemoteError('set', 1, 0, 'burst length set without burst rate');
        if (burst && !length) next.set(field(way, measure, '_max_length'), 1);
      }
    }
    if (named.has('size_iops_sec')) next.set('size_iops_sec', Number(named.get('size_iops_sec')));
    const hasIops = WAYS.some((way) => next.get(field(way, 'iops', '')));
    if (next.get('size_iops_sec') && !hasIops)
      throw new RemoteError('set', 1, 0, 'iops size requires an iops value to be set');
    const any = [...next.values()].some((value) => value !== 0);
    const group = named.get('group_name');
    if (group !== undefined && !any) throw new RemoteError('set', 67, 0, 'group with all zero');
    for (const [name, value] of next) this.limits.set(name, value);
    if (!any) this.group = '';
    else if (group !== undefined) this.group = String(group);
    else if (this.group === '') this.group = this.own;
  }

  get params(): StepParam[] {
    const numbers = MEASURES.flatMap((measure) =>
      ['', '_max', '_max_length'].flatMap((suffix) => WAYS.map((way) => field(way, measure, suffix))),
    );
    return [
      ...[...numbers, 'size_iops_sec'].map((name) => ({
        field: name,
        type: ParamType.ullong,
        value: String(this.limits.get(name) ?? 0),
      })),
      { field: 'group_name', type: ParamType.string, value: this.group },
    ];
  }
}

const DOMAIN = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const step = (to: readonly StepParam[]): StepOf<'blockIoTune'> => ({
  kind: 'blockIoTune',
  domain: DOMAIN,
  disk: 'vda',
  to,
});
const limit = (name: string, value: number): StepParam => ({
  field: name,
  type: ParamType.ullong,
  value: String(value),
});

function hostOf(disk: Disk) {
  return stepHost({
    domainGetXmlDesc: () => ({ xml: disk.xml }),
    domainGetBlockIoTune: () => ({ params: disk.params, nparams: 0 }),
    domainSetBlockIoTune: ({ params }) => {
      disk.set(params);
    },
  });
}

async function apply(disk: Disk, to: readonly StepParam[]): Promise<void> {
  const host = hostOf(disk);
  const was = await blockIoTune.get(host, step(to));
  const wanted = blockIoTune.target(step(to), was);
  await blockIoTune.set(host, step(to), wanted);
  expect(blockIoTune.differs(await blockIoTune.get(host, step(to)), wanted)).toBeUndefined();
}

const change = fc
  .record({
    way: fc.constantFrom(...WAYS),
    measure: fc.constantFrom(...MEASURES),
    value: fc.constantFrom(0, 1_000, 2_000),
  })
  .map(({ way, measure, value }) => [limit(field(way, measure, ''), value)]);
const burst = fc
  .record({
    way: fc.constantFrom(...WAYS),
    measure: fc.constantFrom(...MEASURES),
    length: fc.constantFrom(0, 1, 5),
  })
  .map(({ way, measure, length }) => [
    limit(field(way, measure, ''), 1_000),
    limit(field(way, measure, '_max'), 2_000),
    ...(length === 0 ? [] : [limit(field(way, measure, '_max_length'), length)]),
  ]);
const size = fc
  .constantFrom(0, 1_000)
  .map((value) => [limit('total_iops_sec', value), limit('size_iops_sec', value === 0 ? 0 : 4_096)]);
const regroup = fc
  .constantFrom('g1', 'g2')
  .map((name): StepParam[] => [
    limit('total_iops_sec', 5_000),
    { field: 'group_name', type: ParamType.string, value: name },
  ]);

test('limits for reads and for writes can be set one after the other: setting one does not lose the other', async () => {
  const disk = new Disk();
  await apply(disk, [limit('read_bytes_sec', 1_000)]);
  await apply(disk, [limit('write_bytes_sec', 2_000)]);
  expect(disk.limits.get('read_bytes_sec')).toBe(1_000);
  expect(disk.limits.get('write_bytes_sec')).toBe(2_000);
});

test('a total limit replaces those for reads and writes, and the other way round', async () => {
  const disk = new Disk();
  await apply(disk, [limit('read_bytes_sec', 1_000)]);
  await apply(disk, [limit('total_bytes_sec', 3_000)]);
  expect(disk.limits.get('read_bytes_sec')).toBe(0);
  await apply(disk, [limit('write_bytes_sec', 2_000)]);
  expect(disk.limits.get('total_bytes_sec')).toBe(0);
});

test('the size of requests goes with the last limit of requests, since QEMU refuses it alone', async () => {
  const disk = new Disk();
  await apply(disk, [
    limit('read_iops_sec', 500),
    limit('write_iops_sec', 600),
    limit('size_iops_sec', 4_096),
  ]);
  await apply(disk, [limit('read_iops_sec', 0)]);
  expect(disk.limits.get('size_iops_sec')).toBe(4_096);
  await apply(disk, [limit('total_bytes_sec', 1_000), limit('write_iops_sec', 0)]);
  expect(disk.limits.get('size_iops_sec')).toBe(0);
});

/** Alias and QEMU's own group name by bus, the same in libvirt 9.0 and 12.9; one alias is user-defined. */
const OWN_GROUPS: readonly (readonly [string, string])[] = [
  ['virtio-disk0', '/machine/peripheral/virtio-disk0/virtio-backend'],
  ['scsi0-0-0-0', 'scsi0-0-0-0'],
  ['sata0-0-1', 'sata0-0-1'],
  ['ide0-0-0', 'ide0-0-0'],
  ['usb-disk2', '/machine/peripheral/usb-disk2/usb-disk2.0/legacy[0]'],
  ['ua-mine', 'ua-mine'],
];

test.each(OWN_GROUPS)(
  "a limit on the disk %s is not taken for one of a user's throttle group",
  async (...name) => {
    const disk = new Disk(...name);
    await apply(disk, [limit('total_iops_sec', 700)]);
    expect(disk.group).toBe(name[1]);
    await apply(disk, [limit('total_iops_sec', 0)]);
    expect(disk.group).toBe('');
  },
);

test('whatever was set, undoing it brings back every limit and the group, or their absence', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(change, burst, size, regroup), { maxLength: 4 }),
      fc.oneof(change, burst, size, regroup),
      fc.constantFrom(...OWN_GROUPS),
      async (earlier, to, name) => {
        const disk = new Disk(...name);
        for (const each of earlier) await apply(disk, each);
        const host = hostOf(disk);
        const was = await blockIoTune.get(host, step(to));
        const group = disk.group;
        await apply(disk, to);
        await blockIoTune.set(host, step(to), was);
        expect(blockIoTune.differs(await blockIoTune.get(host, step(to)), was)).toBeUndefined();
        expect(disk.group).toBe(group);
        // Idempotent.
        await blockIoTune.set(host, step(to), was);
        expect(disk.group).toBe(group);
      },
    ),
  );
});
