import { expect, test } from 'vitest';
import { crossings } from '../../tui/batch/batch.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { disksOf } from '../../tui/model/devices.ts';
import { ExpressionError, parseFilter, parseThreshold } from '../../tui/model/filter.ts';
import { sorted } from '../../tui/model/sort.ts';
import { tableFor } from '../../tui/render/table.ts';
import { INITIAL_STATE } from '../../tui/state/state.ts';
import { frameOf, sceneAt, textOf } from './scenes.ts';

const { vms } = sceneAt('noisy-neighbour', 56);
const names = (filter: string): string[] =>
  vms
    .filter(parseFilter(filter, vmColumns, (vm) => vm.name))
    .map((vm) => vm.name)
    .sort();

test('alternatives, and what is not, of names whatever their case', () => {
  expect(names('PG|mysql')).toEqual(['mysql-shop', 'pg-billing', 'pg-orders']);
  expect(names('!pg|web|batch')).toEqual([
    'bastion',
    'cache-01',
    'legacy-files',
    'mssql-erp',
    'mysql-shop',
    'noisy-build',
    'template-debian',
    'win-app01',
  ]);
  expect(names('pg-orders|!-')).toEqual(['bastion', 'pg-orders']);
});

test('columns are compared, and a VM without the figure does not pass', () => {
  expect(names('steal>5')).toEqual(['noisy-build', 'pg-orders']);
  expect(names('delay > 5%')).toEqual(['noisy-build', 'pg-orders']);
  expect(names('max>=16G')).toEqual(['mssql-erp', 'mysql-shop', 'pg-billing', 'pg-orders']);
  expect(names('state=stuck|state=off')).toEqual(['cache-01', 'web-02']);
  expect(names('state!=running')).toEqual(['cache-01', 'legacy-files', 'web-02']);
});

test.each([
  ['lat>20ms', 'disk_latency_milliseconds', 20],
  ['lat>20', 'disk_latency_milliseconds', 20],
  ['lat>1s', 'disk_latency_milliseconds', 1_000],
  ['time>500ms', 'cpu_time_seconds', 0.5],
  ['time>90 s', 'cpu_time_seconds', 90],
  ['mem>1.5GiB', 'memory_used_bytes', 1.5 * 2 ** 30],
  ['mem>16G', 'memory_used_bytes', 16 * 2 ** 30],
  ['read>8MB/s', 'disk_read_bytes_per_second', 8 * 2 ** 20],
  ['iops>1.5k', 'disk_requests_per_second', 1_500],
  ['iops>2M/s', 'disk_requests_per_second', 2e6],
  ['vcpus>4', 'vcpus', 4],
  ['steal>5%', 'steal_percent', 5],
])('the limit of %s is %s above %d', (text, id, limit) => {
  let value = limit;
  const columns = vmColumns.map((column) => ({ ...column, read: () => value }));
  const threshold = parseThreshold(text, columns);
  expect(threshold.column.id).toBe(id);
  const [vm] = vms;
  if (vm === undefined) throw new Error('the scene has no VM');
  expect(threshold.test(vm)).toBe(false);
  value += 0.001;
  expect(threshold.test(vm)).toBe(true);
});

test.each([
  'mem>80%',
  'lat>5%',
  'lat>5M',
  'time>5k',
  'steal>5ms',
  'steal>1K',
  'iops>1MB',
  'vcpus>4B',
  'mem>5M/s',
  'iops>5s',
  'mem>5constructor',
])('%s is refused, since its column has another unit', (text) => {
  expect(() => parseThreshold(text, vmColumns)).toThrow(ExpressionError);
});

test('an empty filter passes all', () => {
  for (const filter of ['', ' ', '!', '|']) expect(names(filter)).toHaveLength(vms.length);
});

test('a comparison with a column that does not exist is an error, and hides nothing as a name would', () => {
  for (const filter of ['stael>5', 'hostname=kvm1', 'web|!disk_latency>20ms'])
    expect(() => names(filter)).toThrow(ExpressionError);
  expect(() => names('stael>5')).toThrow(/^no column "stael"; .*steal_percent/);
});

test('disks and NICs are compared by their own columns, and by those of their VM', () => {
  const scene = sceneAt('noisy-neighbour', 56);
  const rows = (table: 'disks' | 'nics', filter: string) => {
    const { rows: found, filterError } = tableFor(table, scene, { ...INITIAL_STATE, filter });
    return { names: [...new Set(found.map((row) => row.cell('name').text))].sort(), filterError };
  };
  const suffering = { names: ['noisy-build', 'pg-orders'], filterError: undefined };
  expect(rows('disks', 'steal>5')).toEqual(suffering);
  expect(rows('nics', 'steal>5')).toEqual(suffering);
  expect(rows('disks', 'state=stuck').names).toEqual(['web-02']);
  expect(rows('disks', 'device=vda').names).toEqual(
    scene.vms
      .filter((vm) => disksOf(vm).some(({ target }) => target === 'vda'))
      .map(({ name }) => name)
      .sort(),
  );
  expect(rows('disks', 'stael>5').filterError).toContain('no column "stael"');
});

test('view 6 says what is wrong with a filter', () => {
  const scene = sceneAt('noisy-neighbour', 56);
  const size = { width: 120, height: 40 };
  expect(textOf(frameOf(scene, size, { view: 'findings', filter: 'stael>5' }))).toContain(
    'no column "stael"',
  );
});

test('the error of a wrong comparison says what is right', () => {
  expect(() => names('steal>much')).toThrow(ExpressionError);
  expect(() => names('steal>much')).toThrow(/steal_percent>10/);
  expect(() => names('state>5')).toThrow(/= or !=/);
  expect(() => parseThreshold('nonsense', vmColumns)).toThrow(/delay>10%/);
});

test('a threshold names who crosses it', () => {
  const found = crossings(vms, [parseThreshold('delay>5%', vmColumns)]);
  expect(found.map(({ vm }) => vm.name).sort()).toEqual(['noisy-build', 'pg-orders']);
  expect(crossings(vms, [parseThreshold('delay>99%', vmColumns)])).toEqual([]);
});

test('rows are sorted as numbers, those without a figure last whichever way, equals by name', () => {
  const by = (id: string, descending: boolean): string[] =>
    sorted(
      vms,
      vmColumns.find((column) => column.id === id),
      descending,
      (vm) => vm.key,
      (vm) => vm.name,
    ).map((vm) => vm.name);
  expect(by('cpu_percent', true).slice(0, 2)).toEqual(['pg-orders', 'mysql-shop']);
  expect(by('cpu_percent', true).at(-1)).toBe('cache-01');
  expect(by('cpu_percent', false).at(-1)).toBe('cache-01');
  expect(by('vcpus', false).slice(0, 3)).toEqual(['bastion', 'cache-01', 'legacy-files']);
  expect(by('name', false)[0]).toBe('bastion');
});
