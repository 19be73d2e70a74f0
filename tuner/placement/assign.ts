import { CpuSet } from '../../model/cpu-set.ts';
import type { DedicatedCandidate, NodeCandidate, VmCandidate } from './candidate.ts';
import type { Assignment, Overlap, PlacementCell, PlacementHost } from './types.ts';

/*
 * Assignments: turns the candidate chosen for a VM into CPU sets for its vCPUs, emulator threads and iothreads; these
 * become its pins.
 */

/** `shared`: the shared CPU pools of the candidate's cells. */
export function assignmentOf(host: PlacementHost, candidate: VmCandidate, shared: CpuSet): Assignment {
  return candidate.kind === 'node'
    ? nodeAssignment(candidate, shared)
    : dedicatedAssignment(host, candidate, shared);
}

/** `shared`: the pool for vCPUs that share CPUs (`sharedVcpus`). */
export function dedicatedAssignment(
  host: PlacementHost,
  candidate: DedicatedCandidate,
  shared: CpuSet = CpuSet.empty,
): Assignment {
  const { request, cells, helpers } = candidate;
  const vcpus: CpuSet[] = [];
  cells.forEach(({ cpus }, index) => {
    [...(request.cells[index]?.vcpus ?? [])].forEach((vcpu, at) => {
      vcpus[vcpu] = CpuSet.of([cpus[at] as number]);
    });
  });
  const cellIds = cells.map(({ cell }) => cell.id);
  const helperCpus = helpers.map(({ cpu }) => cpu);
  const emulator =
    request.emulatorCpus > 0
      ? CpuSet.of(helperCpus.slice(0, request.emulatorCpus))
      : sharedHelperCpus(host, cellIds, vcpus);
  for (const vcpu of request.sharedVcpus ?? []) vcpus[vcpu] = shared.size > 0 ? shared : emulator;
  return {
    guest: request.guest,
    kind: 'dedicated',
    cells: cellIds,
    memoryCells: cells.map(({ memoryCell }) => memoryCell.id),
    vcpus,
    emulator,
    ioThreads: request.ioThreadCpus > 0 ? CpuSet.of(helperCpus.slice(request.emulatorCpus)) : emulator,
    sharedVcpus: request.sharedVcpus,
  };
}

/**
 * Where helpers without dedicated CPUs run: on the CPUs reserved for the host in the VM's cells; else in other cells;
 * if none are reserved, on the CPUs of the vCPUs, as in Nova.
 */
function sharedHelperCpus(host: PlacementHost, cells: readonly number[], vcpus: readonly CpuSet[]): CpuSet {
  const near = housekeeping(host.cells.filter(({ id }) => cells.includes(id)));
  if (near.size > 0) return near;
  const any = housekeeping(host.cells);
  return any.size > 0 ? any : union(vcpus);
}

/** CPUs of these cells that are reserved for the host. */
const housekeeping = (cells: readonly PlacementCell[]): CpuSet =>
  union(cells.map((cell) => cell.housekeeping));

const union = (sets: readonly CpuSet[]): CpuSet => CpuSet.of(sets.flatMap((set) => [...set]));

/** The CPUs that an assignment dedicates to vCPUs. */
export function dedicatedCpus({ kind, vcpus, sharedVcpus = CpuSet.empty }: Assignment): CpuSet {
  if (kind === 'node') return CpuSet.empty;
  return union(vcpus.filter((_, vcpu) => !sharedVcpus.has(vcpu)));
}

/** `shared`: the shared CPU pool of the candidate's cell. */
export function nodeAssignment(candidate: NodeCandidate, shared: CpuSet): Assignment {
  const { request, cell } = candidate;
  return {
    guest: request.guest,
    kind: 'node',
    cells: [cell.id],
    memoryCells: [cell.id],
    vcpus: Array.from({ length: request.vcpus }, () => shared),
    emulator: shared,
    ioThreads: shared,
  };
}

/** VMs outside the placement that may still run on CPUs that it dedicates to others. */
export function overlapsOf(host: PlacementHost, assignments: readonly Assignment[]): Overlap[] {
  return host.floaters.flatMap((floater) => {
    const over = assignments
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
