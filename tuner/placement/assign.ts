import { CpuSet } from '../../model/cpu-set.ts';
import type { DedicatedSeat, NodeSeat } from './seat.ts';
import type { Assignment, PlacementCell, PlacementHost } from './types.ts';

/** What a seat means for a VM that has CPUs of its own; `shared`: what is left in its cells for vCPUs that share. */
export function dedicatedAssignment(
  host: PlacementHost,
  seat: DedicatedSeat,
  shared: CpuSet = CpuSet.empty,
): Assignment {
  const { request, cells, helpers } = seat;
  const vcpus: CpuSet[] = [];
  cells.forEach(({ cpus }, index) => {
    [...(request.cells[index]?.vcpus ?? [])].forEach((vcpu, at) => {
      vcpus[vcpu] = CpuSet.of([cpus[at] as number]);
    });
  });
  const cellIds = cells.map(({ cell }) => cell.id);
  const own = helpers.map(({ cpu }) => cpu);
  const emulator =
    request.emulatorCpus > 0
      ? CpuSet.of(own.slice(0, request.emulatorCpus))
      : commonCpus(host, cellIds, vcpus);
  for (const vcpu of request.sharedVcpus ?? []) vcpus[vcpu] = shared.size > 0 ? shared : emulator;
  return {
    guest: request.guest,
    kind: 'dedicated',
    cells: cellIds,
    memoryCells: cells.map(({ memoryCell }) => memoryCell.id),
    vcpus,
    emulator,
    ioThreads: request.ioThreadCpus > 0 ? CpuSet.of(own.slice(request.emulatorCpus)) : emulator,
    ...(request.sharedVcpus === undefined ? {} : { sharedVcpus: request.sharedVcpus }),
  };
}

/**
 * Where helpers without CPUs of their own go: on the host's CPUs in the VM's cells; on the host's elsewhere; where
 * it keeps none, on those of the vCPUs, as Nova does.
 */
function commonCpus(host: PlacementHost, cells: readonly number[], vcpus: readonly CpuSet[]): CpuSet {
  const near = housekeeping(host.cells.filter(({ id }) => cells.includes(id)));
  if (near.size > 0) return near;
  const any = housekeeping(host.cells);
  return any.size > 0 ? any : union(vcpus);
}

/** CPUs that these cells keep for the host. */
const housekeeping = (cells: readonly PlacementCell[]): CpuSet =>
  union(cells.map((cell) => cell.housekeeping));

const union = (sets: readonly CpuSet[]): CpuSet => CpuSet.of(sets.flatMap((set) => [...set]));

/** The CPUs that vCPUs have to themselves by a placement. */
export function dedicatedCpus({ kind, vcpus, sharedVcpus = CpuSet.empty }: Assignment): CpuSet {
  if (kind === 'node') return CpuSet.empty;
  return union(vcpus.filter((_, vcpu) => !sharedVcpus.has(vcpu)));
}

/** What a seat means for a VM that shares a cell's CPUs, of which these are left to share. */
export function nodeAssignment(seat: NodeSeat, shared: CpuSet): Assignment {
  const { request, cell } = seat;
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
