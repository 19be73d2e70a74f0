import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { limitSets } from '../../model/domain/disk-limits.ts';
import { parseDomain } from '../../model/domain/domain.ts';

const GROUPS = `<throttlegroups>
  <throttlegroup><group_name>slow</group_name><total_iops_sec>500</total_iops_sec><total_iops_sec_max>900</total_iops_sec_max></throttlegroup>
  <throttlegroup><group_name>7</group_name><total_iops_sec>2000</total_iops_sec><read_bytes_sec>4096</read_bytes_sec></throttlegroup>
  <throttlegroup><group_name>open</group_name><total_iops_sec>0</total_iops_sec></throttlegroup>
  <throttlegroup><total_iops_sec>1</total_iops_sec></throttlegroup>
</throttlegroups>`;

/** The only disk of a domain with these throttle groups. */
function diskWith(inside: string) {
  const devices = `<devices><disk><target dev='vda'/>${inside}</disk></devices>`;
  const [disk] = parseDomain(`<domain>${GROUPS}${devices}</domain>`).disks;
  return disk ?? expect.unreachable();
}

const filters = (...groups: readonly string[]): string =>
  `<throttlefilters>${groups.map((group) => `<throttlefilter group='${group}'/>`).join('')}</throttlefilters>`;

test.each([
  ['no filter', '', {}, undefined],
  ['one group', filters('slow'), { total_iops_sec: 500, total_iops_sec_max: 900 }, ['slow']],
  [
    'a chain of groups, of which the lowest holds',
    filters('7', 'slow', 'open'),
    { total_iops_sec: 500, total_iops_sec_max: 900, read_bytes_sec: 4_096 },
    ['7', 'slow', 'open'],
  ],
  [
    'the same chain in another order',
    filters('slow', '7'),
    { total_iops_sec: 500, total_iops_sec_max: 900, read_bytes_sec: 4_096 },
    ['slow', '7'],
  ],
  ['a group that sets nothing', filters('open'), {}, ['open']],
  ['a group that the domain does not have', filters('none'), {}, ['none']],
  ['the same group twice', filters('7', '7'), { total_iops_sec: 2_000, read_bytes_sec: 4_096 }, ['7']],
  ['filters without a name', '<throttlefilters><throttlefilter/></throttlefilters>', {}, undefined],
])('the limits of a disk with throttle filters are those of its groups: %s', (_, inside, limits, names) => {
  const disk = diskWith(inside);
  expect(Object.fromEntries(disk.limits)).toEqual(limits);
  expect(disk.throttleGroups?.map(({ name }) => name)).toEqual(names);
});

test('a number for the name of a group is not a limit', () => {
  const disk = diskWith('<iotune><total_iops_sec>9</total_iops_sec><group_name>12</group_name></iotune>');
  expect([...disk.limits]).toEqual([['total_iops_sec', 9]]);
  expect(disk.limitGroup).toBe('12');
});

test('a throttle group is not the group of an iotune that has its name', () => {
  const names = [
    '',
    '<iotune><group_name>slow</group_name><total_iops_sec>9</total_iops_sec></iotune>',
    filters('slow', '7'),
  ].map((inside) => limitSets(diskWith(inside)).map(({ name }) => name));
  expect(names).toEqual([['disk vda'], ['group slow'], ['throttle group slow', 'throttle group 7']]);
});

test('the disks of a domain as libvirt formats it have the limits of both kinds', () => {
  const xml = readFileSync(join(import.meta.dirname, 'corpus/disks-throttled.xml'), 'utf8');
  const found = parseDomain(xml).disks.map(({ target, limits }) => [target, limits.size]);
  expect(found).toEqual([
    ['vda', 2],
    ['vdb', 4],
    ['sda', 12],
  ]);
});
