import { expect, test } from 'vitest';
import { chosen } from '../../tui/batch/batch.ts';
import { CSV_COLUMNS, csvHeader, csvRow } from '../../tui/batch/csv.ts';
import { jsonLine } from '../../tui/batch/json.ts';
import { textTick } from '../../tui/batch/text.ts';
import { INITIAL_STATE } from '../../tui/state/state.ts';
import { HOSTILE_NAMES } from './hostile-names.ts';
import { sceneAt } from './scenes.ts';

const busy = sceneAt('noisy-neighbour', 56);
const hostile = sceneAt('hostile-names', 2);
const CHOICE = { filter: '', sort: INITIAL_STATE.sorts.vms };

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const matches = text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/g);
  for (const [, quoted, bare, end] of matches) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? '');
    if (end === '\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

test.each([
  ['ordinary', busy],
  ['hostile', hostile],
] as const)('of %s VMs every CSV row is as wide as its header', (_, scene) => {
  const text =
    csvHeader() +
    chosen(scene, CHOICE)
      .map((vm) => csvRow(vm, scene.atMs))
      .join('');
  const rows = parseCsv(text);
  expect(rows).toHaveLength(scene.vms.length + 1);
  expect(rows.map((row) => row.length)).toEqual(rows.map(() => CSV_COLUMNS.length));
  expect(text).not.toMatch(/[^\P{Cc}\n]/u);
});

test('CSV columns are those that scripts know', () => {
  expect(CSV_COLUMNS).toMatchInlineSnapshot(`
    [
      "time",
      "host",
      "name",
      "uuid",
      "state",
      "findings",
      "vcpus",
      "cpu_percent",
      "steal_percent",
      "contention_percent",
      "wait_percent",
      "memory_used_bytes",
      "memory_used_percent",
      "memory_balloon_bytes",
      "memory_maximum_bytes",
      "memory_rss_bytes",
      "swap_bytes_per_second",
      "disk_read_bytes_per_second",
      "disk_write_bytes_per_second",
      "disk_read_requests_per_second",
      "disk_write_requests_per_second",
      "disk_requests_per_second",
      "disk_latency_milliseconds",
      "net_receive_bytes_per_second",
      "net_transmit_bytes_per_second",
      "net_receive_packets_per_second",
      "net_transmit_packets_per_second",
      "net_drops_per_second",
      "iothreads",
      "pinned_vcpus",
      "numa_cells",
      "remote_memory_percent",
      "profile",
      "cpu_time_seconds",
      "missing",
    ]
  `);
});

test('a missing figure is empty, and its reason stands at the end of the row', () => {
  const [header = [], ...rows] = parseCsv(csvHeader() + busy.vms.map((vm) => csvRow(vm, busy.atMs)).join(''));
  const stuck = rows.find((row) => row[header.indexOf('name')] === 'web-02') ?? [];
  expect(stuck[header.indexOf('steal_percent')]).toBe('');
  expect(stuck[header.indexOf('missing')]).toContain('steal_percent=unresponsive');
});

test('a name that a spreadsheet would run is made inert', () => {
  const rows = parseCsv(hostile.vms.map((vm) => csvRow(vm, hostile.atMs)).join(''));
  expect(rows.map((row) => row[2]).filter((name) => /^[=+@-]/.test(name ?? ''))).toEqual([]);
});

test('JSON is one line, whatever the names, with null and a reason where there is no figure', () => {
  const line = jsonLine(hostile, chosen(hostile, CHOICE));
  expect(line.trimEnd()).not.toContain('\n');
  expect(
    JSON.parse(line)
      .vms.map((vm: { name: string }) => vm.name)
      .sort(),
  ).toEqual([...HOSTILE_NAMES].sort());
  const { vms, hosts, version } = JSON.parse(jsonLine(busy, chosen(busy, CHOICE)));
  expect(version).toBe(3);
  expect(hosts[0]).toMatchObject({
    name: 'noisy-neighbour',
    up: true,
    cpus_online: 32,
    verdict: expect.any(String),
  });
  const stuck = vms.find((vm: { name: string }) => vm.name === 'web-02');
  expect(stuck).toMatchObject({ steal_percent: null, missing: { steal_percent: 'unresponsive' } });
  expect(stuck.findings[0]).toMatchObject({
    kind: 'vm-unresponsive',
    commands: expect.arrayContaining([['virsh', '-c', 'qemu+ssh://kvm1/system', 'domcontrol', 'web-02']]),
  });
});

const TEXT_CHOICE = {
  filter: '',
  sorts: INITIAL_STATE.sorts,
  units: 'bytes',
  ascii: true,
  delayMs: undefined,
} as const;

test('the title of a table has its time, in UTC, and the interval that was asked for', () => {
  const titleOf = (delayMs: number | undefined): string =>
    textTick(busy, { ...TEXT_CHOICE, delayMs }).split('\n')[0] ?? '';
  const time = new Date(busy.atMs).toISOString().slice(11, 19);
  expect(titleOf(10_000)).toMatch(new RegExp(` ${time}Z 10 s$`));
  // A recording has the options that it was made with.
  expect(titleOf(undefined)).toMatch(new RegExp(` ${time}Z$`));
});

test('text has every VM, however many there are, aligned and without escape codes', () => {
  const text = textTick(hostile, TEXT_CHOICE);
  expect(text).toMatch(/^[\n -~]*$/);
  const lines = text.trimEnd().split('\n');
  const head = lines.findIndex((line) => line.startsWith('NAME'));
  expect(lines.length - head - 1).toBe(HOSTILE_NAMES.length);
  const at = (lines[head] ?? '').indexOf('STATE');
  expect(new Set(lines.slice(head + 1).map((line) => line.slice(at, at + 9)))).toEqual(
    new Set(['R running']),
  );
});

test('filter and order are those that were asked for', () => {
  const names = chosen(busy, { filter: 'pg|mysql', sort: { column: 'name', descending: true } }).map(
    (vm) => vm.name,
  );
  expect(names).toEqual(['pg-orders', 'pg-billing', 'mysql-shop']);
});
