import type { SimulatedHost } from './host.ts';
import type { SimulatedVm } from './vm.ts';

/** What of a cell the host's own kernel leaves to others. */
const FOR_GUESTS = 0.96;
/** The kernel reclaims before a cell is quite empty. */
const LEAST_FREE = 0.02;

/** Memory of a cell that is neither pooled nor a guest's. */
export function freeKiB(host: SimulatedHost, cell: number): number {
  const { memoryKiB = 0 } = host.cells[cell] ?? {};
  const used = host.vms.reduce((sum, vm) => sum + usedKiB(host, vm, cell), 0);
  const left = memoryKiB * FOR_GUESTS - host.hugepages.pooledKiB(cell) - used;
  return Math.round(Math.max(memoryKiB * LEAST_FREE, left));
}

/** A VM without hugepages lies in the cells that it is held to, or in all, as much in one as in the other. */
function usedKiB({ cells }: SimulatedHost, vm: SimulatedVm, cell: number): number {
  if (!vm.active || vm.pages.length > 0) return 0;
  const held = vm.facts.numaCells;
  if (held === undefined) return vm.balloonKiB / cells.length;
  return held.has(cell) ? vm.balloonKiB / held.size : 0;
}
