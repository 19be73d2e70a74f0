import { CpuSet } from '../../model/cpu-set.ts';
import { dedicatedCpus } from './assign.ts';
import type { Assignment, Overlap, PlacementHost } from './types.ts';

/** VMs that are not placed now, and may still run on CPUs that these get to themselves. */
export function overlapsOf(host: PlacementHost, assignments: readonly Assignment[]): Overlap[] {
  const dedicated = assignments.filter(({ kind }) => kind === 'dedicated');
  return host.floaters.flatMap((floater) => {
    const over = dedicated
      .map((assignment) => ({
        guest: assignment.guest,
        cpus: dedicatedCpus(assignment).intersection(floater.cpus),
      }))
      .filter(({ cpus }) => cpus.size > 0);
    if (over.length === 0) return [];
    return [
      {
        guest: floater.guest,
        cpus: CpuSet.of(over.flatMap(({ cpus }) => [...cpus])),
        with: over.map(({ guest }) => guest),
      },
    ];
  });
}
