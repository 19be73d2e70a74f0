import { CpuSet } from '../../../model/cpu-set.ts';
import type { Assignment, DedicatedRequest, NodeRequest } from '../../../tuner/placement/types.ts';
import { GIB } from './hosts.ts';

export const range = (from: number, count: number): CpuSet =>
  CpuSet.of(Array.from({ length: count }, (_, index) => from + index));

/** The current place of a VM: its CPUs, vCPU by vCPU, in one cell. */
export function placeAt(
  guest: string,
  cell: number,
  cpus: readonly number[],
  helpers: Partial<Assignment> = {},
): Assignment {
  return {
    guest,
    kind: 'dedicated',
    cells: [cell],
    memoryCells: [cell],
    vcpus: cpus.map((cpu) => CpuSet.of([cpu])),
    emulator: CpuSet.of(cpus),
    ioThreads: CpuSet.of(cpus),
    ...helpers,
  };
}

/** A VM with one guest cell that requests dedicated CPUs, and nothing else by default. */
export function dedicated(
  guest: string,
  vcpus: number,
  wish: Partial<DedicatedRequest> = {},
): DedicatedRequest {
  return {
    kind: 'dedicated',
    guest,
    cells: [{ vcpus: range(0, vcpus), memoryKiB: vcpus * GIB }],
    threads: 'prefer',
    guestThreads: 1,
    emulatorCpus: 0,
    ioThreadCpus: 0,
    pageKiB: undefined,
    bound: true,
    current: undefined,
    ...wish,
  };
}

/** The same with its vCPUs in several guest cells. */
export function inCells(
  guest: string,
  vcpusOfCells: readonly number[],
  wish: Partial<DedicatedRequest> = {},
): DedicatedRequest {
  let first = 0;
  const cells = vcpusOfCells.map((vcpus) => {
    first += vcpus;
    return { vcpus: range(first - vcpus, vcpus), memoryKiB: vcpus * GIB };
  });
  return dedicated(guest, first, { cells, ...wish });
}

export function sharing(guest: string, vcpus: number, wish: Partial<NodeRequest> = {}): NodeRequest {
  return {
    kind: 'node',
    guest,
    vcpus,
    memoryKiB: vcpus * GIB,
    pageKiB: undefined,
    bound: false,
    current: undefined,
    ...wish,
  };
}

/** `db01: 0,1,2,3 of cell 0; emulator 4, iothreads 5` */
export function placementLine(assignment: Assignment): string {
  const { guest, kind, vcpus, cells, emulator, ioThreads } = assignment;
  const where = kind === 'node' ? `shares ${vcpus[0]}` : vcpus.join(',');
  return `${guest}: ${where} of ${cells.join('+')}; ${emulator}; ${ioThreads}`;
}
