import type { CellFigures, HostFigures } from './host.ts';

/** Base pages are 4 KiB on x86, and up to 64 KiB on Arm and POWER; each larger size has a pool. */
export const isHuge = (sizeKiB: number): boolean => sizeKiB > 64;

/**
 * Memory of a NUMA cell in pools of huge pages, allocated or free; undefined where the host reports no page sizes. No
 * process gets it in another way, so it is neither available memory nor memory that VMs without huge pages can use.
 */
export function hugePoolsOfCellKiB({ pages }: CellFigures): number | undefined {
  const totals = pages.flatMap(({ sizeKiB, total }) =>
    total === undefined ? [] : [isHuge(sizeKiB) ? sizeKiB * total : 0],
  );
  return totals.length === 0 ? undefined : totals.reduce((sum, kib) => sum + kib, 0);
}

/** The same of a host: from /proc/meminfo, which counts all sizes, or from libvirt. */
export function hugePoolsKiB({ local, cells }: HostFigures): number | undefined {
  const pools = cells.flatMap((cell) => hugePoolsOfCellKiB(cell) ?? []);
  const ofCells = pools.length === 0 ? undefined : pools.reduce((sum, kib) => sum + kib, 0);
  return local?.meminfoKiB.get('Hugetlb') ?? ofCells;
}
