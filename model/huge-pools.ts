import type { CellFigures, HostFigures } from './host.ts';

/** Base pages are 4 KiB on x86, and up to 64 KiB on Arm and POWER; each larger size has a pool. */
export const isHuge = (sizeKiB: number): boolean => sizeKiB > 64;

/**
 * Memory of a NUMA cell in huge page pools, allocated or free; undefined where the host reports no page sizes. Only
 * huge page users can get it, so it is neither available memory nor memory for VMs without huge pages.
 */
export function hugePoolsOfCellKiB({ pages }: CellFigures): number | undefined {
  const totals = pages.flatMap(({ sizeKiB, total }) =>
    total === undefined ? [] : [isHuge(sizeKiB) ? sizeKiB * total : 0],
  );
  return totals.length === 0 ? undefined : totals.reduce((sum, kib) => sum + kib, 0);
}

/** The same for a host: from /proc/meminfo, which counts all sizes, or from libvirt. */
export function hugePoolsKiB({ local, cells }: HostFigures): number | undefined {
  const pools = cells.flatMap((cell) => hugePoolsOfCellKiB(cell) ?? []);
  const ofCells = pools.length === 0 ? undefined : pools.reduce((sum, kib) => sum + kib, 0);
  return local?.meminfoKiB.get('Hugetlb') ?? ofCells;
}
