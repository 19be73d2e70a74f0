import { pinnedCpus } from '../../advice/pins.ts';
import type { CellFigures, CellPages } from '../../model/host.ts';
import type { CpuShares } from '../../model/host-rates.ts';
import { isHuge } from '../../model/huge-pools.ts';
import { cellCpus, onlineCpus } from '../../model/topology.ts';
import type { HostView } from './host-view.ts';
import { isRunning } from './vm.ts';

/** One NUMA cell of one host. */
export interface CellRow {
  readonly key: string;
  readonly host: string;
  readonly id: number;
  /** Only those online. */
  readonly cpus: readonly number[];
  readonly shares: CpuShares | undefined;
  readonly totalKiB: number | undefined;
  readonly freeKiB: number | undefined;
  /** Huge page pools; the host's small pages are excluded. */
  readonly hugepages: readonly CellPages[];
  /** Running VMs with all vCPUs pinned within the cell, and the most memory they may use. */
  readonly vms: number;
  readonly vmKiB: number;
}

export function cellRowsOf(host: HostView): CellRow[] {
  const figures = new Map<number, CellFigures>(host.sample?.host?.cells.map((cell) => [cell.id, cell]));
  const topology = host.sample?.host?.topology;
  // When libvirt reports no core ID for any CPU, it is unknown which CPUs are online.
  const areCoresKnown = topology !== undefined && onlineCpus(topology).size > 0;
  return (topology?.cells ?? []).map((cell) => {
    const reported = figures.get(cell.id);
    const cpus = areCoresKnown ? [...cellCpus(cell)] : cell.cpus.map((cpu) => cpu.id);
    const within = host.vms.filter((vm) => {
      const pins = isRunning(vm) ? pinnedCpus(vm.sample) : undefined;
      return pins !== undefined && [...pins].every((cpu) => vm.cellOf.get(cpu) === cell.id);
    });
    return {
      key: `${host.name}/${cell.id}`,
      host: host.name,
      id: cell.id,
      cpus,
      shares: host.rates?.byCell.get(cell.id) ?? meanOf(host, cpus),
      totalKiB: reported?.memoryKiB.get('total') ?? cell.memoryKiB,
      freeKiB: reported?.memoryKiB.get('free'),
      hugepages: (reported?.pages ?? []).filter((pages) => isHuge(pages.sizeKiB)),
      vms: within.length,
      vmKiB: within.reduce((sum, vm) => sum + (vm.sample.summary.maximumKiB ?? 0), 0),
    };
  });
}

/** Averages the CPUs of a cell: a remote host does not report figures per cell. */
function meanOf(host: HostView, cpus: readonly number[]): CpuShares | undefined {
  const known = cpus.flatMap((cpu) => host.rates?.byCpu.get(cpu) ?? []);
  if (known.length === 0) return undefined;
  const mean = (read: (shares: CpuShares) => number): number =>
    known.reduce((sum, shares) => sum + read(shares), 0) / known.length;
  return {
    busy: mean((each) => each.busy),
    user: mean((each) => each.user),
    kernel: mean((each) => each.kernel),
    ioWait: undefined,
    steal: undefined,
  };
}
