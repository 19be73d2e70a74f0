import { expect, test } from 'vitest';
import { crossings } from '../../tui/batch/batch.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { ExpressionError, parseFilter, parseThreshold } from '../../tui/model/filter.ts';
import { sorted } from '../../tui/model/sort.ts';
import { sceneAt } from './scenes.ts';

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

test('an empty filter passes all, and text that only looks like a comparison is a name', () => {
  for (const filter of ['', ' ', '!', '|']) expect(names(filter)).toHaveLength(vms.length);
  expect(names('nosuchcolumn>5')).toEqual([]);
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
