import { CpuSet } from '../../model/cpu-set.ts';
import { bytes, pageSize, percent } from '../../model/format.ts';
import { kibToBytes } from '../../model/units.ts';
import { type CellRow, cellRowsOf } from '../model/cells.ts';
import type { HostView } from '../model/host-view.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';
import { gauge } from './bar.ts';
import type { Context } from './context.ts';
import { downText } from './header.ts';

/** NUMA cells: CPU and memory usage, huge pages, distances, and what would still fit. */
export function numaText({ scene, size }: Context): Line[] {
  return scene.hosts.flatMap((host) => [
    ...(scene.hosts.length > 1 ? [[span(` ${displayable(host.name)}`, 'title')]] : []),
    ...hostCells(host, scene.atMs).map((line) => fitLine(line, size.width)),
  ]);
}

function hostCells(host: HostView, atMs: number): Line[] {
  const rows = cellRowsOf(host);
  if (rows.length === 0) {
    return [
      [span(` ${downText(host, atMs) ?? 'libvirt does not report the NUMA cells of this host'}`, 'missing')],
    ];
  }
  return [...rows.flatMap((row) => cellLines(row)), ...distances(host), ...demand(host), ...fits(host, rows)];
}

function cellLines(row: CellRow): Line[] {
  const { totalKiB, freeKiB, shares } = row;
  const used = totalKiB === undefined || freeKiB === undefined ? undefined : totalKiB - freeKiB;
  const lines: Line[] = [
    [span(` cell ${row.id}`, 'tabOn'), span(`  CPUs ${CpuSet.of(row.cpus)}`, 'dim')],
    [
      span('   CPU    ', 'key'),
      ...gauge(shares?.busy ?? 0, 24),
      span(shares === undefined ? '     ...' : ` ${percent(shares.busy * 100).padStart(5)} %`),
      span(`   ${row.vms} VMs pinned within, maximum memory ${bytes(kibToBytes(row.vmKiB))}`, 'dim'),
    ],
    [
      span('   memory ', 'key'),
      ...gauge(used === undefined || !totalKiB ? 0 : used / totalKiB, 24),
      span(
        used === undefined || !totalKiB
          ? '     ?'
          : ` ${percent((used / totalKiB) * 100).padStart(5)} % of ${bytes(kibToBytes(totalKiB))}, ${bytes(kibToBytes(freeKiB ?? 0))} free`,
      ),
    ],
  ];
  for (const { sizeKiB, total, free } of row.hugepages) {
    const share = total === undefined || total === 0 ? 0 : (total - free) / total;
    lines.push([
      span(`   ${pageSize(sizeKiB).padEnd(6)} `, 'key'),
      ...gauge(share, 24),
      span(` ${percent(share * 100).padStart(5)} % of ${total ?? '?'} huge pages, ${free} free`),
    ]);
  }
  return lines;
}

function distances(host: HostView): Line[] {
  const cells = host.sample?.host?.topology?.cells ?? [];
  if (cells.length < 2) return [];
  return [
    [],
    [span(' Distances', 'tabOn'), span('  10 is local', 'dim')],
    [span('        '), ...cells.map((cell) => span(String(cell.id).padStart(5), 'dim'))],
    ...cells.map(
      (cell): Line => [
        span(`   ${String(cell.id).padStart(4)} `, 'dim'),
        ...cells.map((other) => span(String(cell.distances.get(other.id) ?? '?').padStart(5))),
      ],
    ),
  ];
}

function demand(host: HostView): Line[] {
  const wanted = host.sample?.overcommit?.hugepages ?? [];
  if (wanted.length === 0) return [];
  return [
    [],
    [span(' Huge pages needed by VMs that are not running', 'tabOn')],
    ...wanted.map(({ sizeKiB, cell, wanted: pages, free }): Line => {
      const lacks = free !== undefined && free < pages;
      return [
        span(
          `   ${pageSize(sizeKiB)} on ${cell === undefined ? 'any cell' : `cell ${cell}`}: ${pages} wanted, ${free ?? '?'} free`,
        ),
        span(lacks ? `  ${pages - free} MISSING` : '', 'bad'),
      ];
    }),
  ];
}

/** CPUs that no vCPU is pinned to exclusively, and free memory: the capacity for a pinned VM. */
function fits(host: HostView, rows: readonly CellRow[]): Line[] {
  const taken = new Set<number>();
  for (const vm of host.vms) {
    if (vm.sample.domain.id === -1) continue;
    for (const pin of vm.facts?.cpu.vcpuPins.values() ?? [])
      if (pin.size === 1) for (const cpu of pin) taken.add(cpu);
  }
  return [
    [],
    [span(' Free capacity', 'tabOn'), span('  largest VM with dedicated CPUs within one cell', 'dim')],
    ...rows.map((row): Line => {
      const free = row.cpus.filter((cpu) => !taken.has(cpu));
      return [
        span(`   cell ${row.id}: `),
        span(`${free.length} vCPUs`, free.length === 0 ? 'bad' : 'ok'),
        span(` (CPUs ${free.length === 0 ? '-' : CpuSet.of(free)})`, 'dim'),
        span(row.freeKiB === undefined ? '' : `, ${bytes(kibToBytes(row.freeKiB))} in small pages`),
        ...row.hugepages.map((pages) =>
          span(`, ${bytes(kibToBytes(pages.sizeKiB) * pages.free)} in ${pageSize(pages.sizeKiB)} pages`),
        ),
      ];
    }),
  ];
}
