import type { SimulatedHost } from './host.ts';
import type { SimulatedVm } from './vm.ts';

/** Fraction of a cell that the host's kernel leaves to guests. */
const FOR_GUESTS = 0.96;
/** The kernel reclaims before a cell is completely full. */
const LEAST_FREE = 0.02;

/** Memory of a cell that is neither in pools nor used by guests. */
export function freeKiB(host: SimulatedHost, cell: number): number {
  const { memoryKiB = 0 } = host.cells[cell] ?? {};
  const used = host.vms.reduce((sum, vm) => sum + usedKiB(host, vm, cell), 0);
  const left = memoryKiB * FOR_GUESTS - host.hugepages.pooledKiB(cell) - used;
  return Math.round(Math.max(memoryKiB * LEAST_FREE, left));
}

/** Memory of a VM without hugepages is spread evenly over the cells it is bound to, or over all. */
function usedKiB({ cells }: SimulatedHost, vm: SimulatedVm, cell: number): number {
  if (!vm.active || vm.pages.length > 0) return 0;
  const held = vm.facts.numaCells;
  if (held === undefined) return vm.balloonKiB / cells.length;
  return held.has(cell) ? vm.balloonKiB / held.size : 0;
}
