import { CpuSet } from '../../model/cpu-set.ts';
import { TunerError } from '../errors.ts';
import type { HostFacts } from '../facts/facts.ts';
import { parseSize, sizeText } from '../settings/values.ts';
import type { HugepageCounts } from './assignments-schema.ts';

export interface ReservedPages {
  readonly sizeKiB: number;
  /** Absent: this many in total, in any cell. */
  readonly cell: number | undefined;
  readonly count: number;
}

/** Resources reserved for the host itself. */
export interface Reservations {
  readonly cpus: CpuSet | undefined;
  readonly pages: readonly ReservedPages[];
  /** Allowed vCPUs per shared CPU on this host; absent: the usual limit. */
  readonly allowedRatio?: number | undefined;
}

export function reservedPages(given: HugepageCounts): ReservedPages[] {
  return Object.entries(given).flatMap(([size, counts]): ReservedPages[] => {
    const sizeKiB = parseSize(size) ?? 0;
    if (typeof counts === 'number') return [{ sizeKiB, cell: undefined, count: counts }];
    return Object.entries(counts).map(([cell, count]) => ({ sizeKiB, cell: Number(cell), count }));
  });
}

/**
 * Checks that this host has what is reserved.
 * @throws TunerError (TUNE_ASSIGNMENTS) naming what it lacks
 */
export function checkReservations(path: string, reserved: Reservations, host: HostFacts): void {
  const missing = (reserved.cpus ?? CpuSet.empty).difference(host.online);
  if (missing.size > 0) {
    throw new TunerError(
      'TUNE_ASSIGNMENTS',
      `${path}: host.reservedCpus: CPUs ${missing} are not online on ${host.hostname}; online: ${host.online}`,
    );
  }
  const cells = new Set(host.topology.cells.map(({ id }) => id));
  for (const { sizeKiB, cell } of reserved.pages) {
    const sizes = host.topology.cells
      .filter(({ id }) => cell === undefined || id === cell)
      .flatMap(({ pages }) => pages.map((pool) => pool.sizeKiB));
    const what =
      cell !== undefined && !cells.has(cell)
        ? `cell ${cell}`
        : sizes.includes(sizeKiB)
          ? undefined
          : `pages of ${sizeText(sizeKiB)}`;
    if (what !== undefined)
      throw new TunerError(
        'TUNE_ASSIGNMENTS',
        `${path}: host.reservedHugepages: ${host.hostname} has no ${what}`,
      );
  }
}
