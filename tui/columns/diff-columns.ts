import type { Vm } from '../model/vm.ts';
import { type Column, findColumn, shown, type Value } from './column.ts';
import { vmColumns } from './vm-columns.ts';

/** One VM at two instants; it may exist at only one of them. */
export interface DiffRow {
  readonly key: string;
  readonly name: string;
  readonly host: string;
  readonly before: Vm | undefined;
  readonly now: Vm | undefined;
}

const COMPARED = [
  'cpu_percent',
  'steal_percent',
  'memory_used_bytes',
  'memory_balloon_bytes',
  'disk_requests_per_second',
  'disk_latency_milliseconds',
  'net_receive_bytes_per_second',
  'net_transmit_bytes_per_second',
];

function columnNamed(id: string): Column<Vm> {
  const found = findColumn(vmColumns, id);
  if (found === undefined) throw new Error(`no column ${id}`);
  return found;
}

function numberAt(column: Column<Vm>, vm: Vm | undefined): number | undefined {
  const value = vm === undefined ? undefined : column.read(vm);
  return typeof value === 'number' ? value : undefined;
}

function compared(column: Column<Vm>): Column<DiffRow>[] {
  const show = (value: Value, vm: Vm | undefined): string =>
    vm === undefined ? '' : shown(column, value, vm);
  return [
    {
      ...column,
      id: column.id,
      help: `${column.help} Current value.`,
      read: ({ now }) => (now === undefined ? undefined : column.read(now)),
      why: ({ now }) => (now === undefined ? 'none' : (column.why?.(now) ?? 'not_reported')),
      show: (value, row) => show(value, row.now),
      role: (value, row) => (row.now === undefined ? 'text' : (column.role?.(value, row.now) ?? 'text')),
    },
    {
      id: `${column.id}_change`,
      title: 'CHANGE',
      unit: column.unit,
      width: 8,
      help: `Change of ${column.title} since the mark.`,
      metrics: column.metrics,
      read: ({ before, now }) => {
        const [from, to] = [numberAt(column, before), numberAt(column, now)];
        return from === undefined || to === undefined ? undefined : to - from;
      },
      why: () => 'none',
      show: (value, row) => {
        const change = Number(value);
        const of = row.now ?? row.before;
        const text = of === undefined ? '' : shown(column, Math.abs(change), of);
        return change === 0 ? '=' : `${change > 0 ? '+' : '-'}${text}`;
      },
      role: (value) => (Number(value) === 0 ? 'dim' : 'info'),
    },
  ];
}

export const diffColumns: readonly Column<DiffRow>[] = [
  {
    id: 'name',
    title: 'NAME',
    unit: 'text',
    width: 16,
    help: 'Name of the VM.',
    metrics: [],
    read: (row) => row.name,
  },
  {
    id: 'presence',
    title: 'VM',
    unit: 'text',
    width: 5,
    help: 'new: created since the mark; gone: existed only at the mark.',
    metrics: [],
    read: ({ before, now }) => (before === undefined ? 'new' : now === undefined ? 'gone' : 'both'),
    show: (value) => (value === 'both' ? '' : String(value)),
    role: () => 'warn',
  },
  ...COMPARED.flatMap((id) => compared(columnNamed(id))),
];

export function diffRows(earlier: readonly Vm[], now: readonly Vm[]): DiffRow[] {
  const before = new Map(earlier.map((vm) => [vm.key, vm]));
  const after = new Map(now.map((vm) => [vm.key, vm]));
  return [...new Set([...after.keys(), ...before.keys()])].flatMap((key) => {
    const vm = after.get(key) ?? before.get(key);
    return vm === undefined
      ? []
      : [{ key, name: vm.name, host: vm.host, before: before.get(key), now: after.get(key) }];
  });
}
