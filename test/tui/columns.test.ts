import { expect, test } from 'vitest';
import { catalogue } from '../../model/catalogue/catalogue.ts';
import { findColumn, shown } from '../../tui/columns/column.ts';
import { diskColumns } from '../../tui/columns/disk-columns.ts';
import { nicColumns } from '../../tui/columns/nic-columns.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { disksOf, nicsOf } from '../../tui/model/devices.ts';
import { REASONS } from '../../tui/model/reasons.ts';
import { columnsOf, LAYOUTS, type TableName } from '../../tui/state/views.ts';
import { type VmSpec, viewAfter } from './scene-of.ts';
import { sceneAt } from './scenes.ts';

const tables = [
  ['VMs', vmColumns],
  ['disks', diskColumns],
  ['NICs', nicColumns],
] as const;

test.each(tables)('columns of %s have unique ids and aliases', (_, columns) => {
  const names = columns.flatMap(({ id, aliases = [] }) => [id, ...aliases]);
  expect(names.length).toBe(new Set(names).size);
  expect(names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
});

test.each(tables)('columns of %s are computed from metrics that the catalogue knows', (_, columns) => {
  const known = new Set(catalogue.map(({ name }) => name));
  const unknown = columns.flatMap(({ metrics }) => metrics.filter((name) => !known.has(name)));
  expect(unknown).toEqual([]);
});

test('what is laid out on the screen are columns that there are, and the other way round', () => {
  for (const table of Object.keys(LAYOUTS) as TableName[]) {
    const ids = columnsOf(table).map(({ id }) => id);
    expect(LAYOUTS[table].filter(({ id }) => !ids.includes(id))).toEqual([]);
  }
  const shownOnScreen = LAYOUTS.vms.map(({ id }) => id);
  // The UUID is for machines, and the sum of requests for sorting.
  expect(vmColumns.map(({ id }) => id).filter((id) => !shownOnScreen.includes(id))).toEqual([
    'uuid',
    'disk_requests_per_second',
  ]);
});

test('a figure or why there is none: every column has one of the two for every row', () => {
  const { vms } = sceneAt('noisy-neighbour', 56);
  for (const vm of vms) {
    for (const column of vmColumns) {
      const value = column.read(vm);
      if (value === undefined) expect(REASONS[column.why?.(vm) ?? 'not_reported'], column.id).toBeDefined();
      else expect(shown(column, value, vm), column.id).not.toContain('undefined');
    }
    expect(disksOf(vm).map((row) => findColumn(diskColumns, 'device')?.read(row))).toContain(
      vm.name === 'win-app01' ? 'sda' : 'vda',
    );
    expect(nicsOf(vm).length).toBeGreaterThan(0);
  }
});

test('a column says why it is empty in so few letters that it fits', () => {
  for (const { short } of Object.values(REASONS)) expect(short.length).toBeLessThanOrEqual(6);
});

test('contention of a VM that wants almost no CPU is not coloured', () => {
  const roleOf = (runNs: number, delayNs: number) => {
    const at = (second: number): VmSpec => ({
      figures: { 'vcpu.0.time': second * runNs, 'vcpu.0.delay': second * delayNs },
    });
    const [vm] = viewAfter([at(0)], [at(1)]).vms;
    const column = findColumn(vmColumns, 'contention_percent');
    if (vm === undefined || column === undefined) expect.unreachable();
    return column.role?.(column.read(vm) ?? expect.unreachable(), vm);
  };
  expect([roleOf(1e7, 5e6), roleOf(5e8, 2e8), roleOf(8e8, 2e8)]).toEqual(['text', 'bad', 'bad']);
});
