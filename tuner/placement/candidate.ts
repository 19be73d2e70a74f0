import type { CoreSelection } from './cores.ts';
import { type CellPlace, helperCost } from './cost.ts';
import type { CellState, CoreState, HostState } from './state.ts';
import type { DedicatedRequest, GuestCellRequest, NodeRequest } from './types.ts';

/*
 * A candidate: one possible place for one VM, given the present state of the host, and how to reserve it. "Helpers" are
 * a VM's emulator threads and iothreads.
 */

/** Where a guest cell would go. */
export interface CellCandidate {
  readonly cell: CellState;
  readonly memoryCell: CellState;
  readonly selection: CoreSelection;
  /** The CPU of each vCPU, in vCPU order. */
  readonly cpus: readonly number[];
}

export interface HelperCpu {
  readonly core: CoreState;
  readonly cpu: number;
}

interface Costs {
  /** Cost of the place itself. */
  readonly ownCost: number;
  /** Increase in the cost of the host's state, own cost included. */
  readonly addedCost: number;
}

/** A complete place for a VM with dedicated CPUs. */
export interface DedicatedCandidate extends Costs {
  readonly kind: 'dedicated';
  readonly request: DedicatedRequest;
  readonly cells: readonly CellCandidate[];
  /** The emulator's CPUs, then those of the iothreads. */
  readonly helpers: readonly HelperCpu[];
}

/** A place for the helpers of a VM whose vCPUs already have one. */
export interface HelperCandidate extends Costs {
  readonly kind: 'helpers';
  readonly request: DedicatedRequest;
  readonly vcpus: DedicatedCandidate;
  readonly helpers: readonly HelperCpu[];
}

/** A place for a VM that shares a cell's CPUs. */
export interface NodeCandidate extends Costs {
  readonly kind: 'node';
  readonly request: NodeRequest;
  readonly cell: CellState;
}

/** A place for a whole VM. */
export type VmCandidate = DedicatedCandidate | NodeCandidate;
export type Candidate = VmCandidate | HelperCandidate;

/** The cheapest first. */
export interface CandidateSet<C extends Candidate = Candidate> {
  readonly candidates: readonly C[];
  /** No candidate was left out, except for equivalent ones. */
  readonly complete: boolean;
}

/** Reserves a candidate's CPUs and memory. The state must be as it was when the candidate was found, or emptier. */
export function reserve(state: HostState, candidate: Candidate): void {
  if (candidate.kind === 'node') {
    const { request, cell } = candidate;
    state.reserveMemory(request, cell, request.memoryKiB);
    state.share(cell, request.vcpus, request.memoryKiB, 1);
  } else {
    if (candidate.kind === 'dedicated') {
      for (const [index, each] of candidate.cells.entries()) {
        reserveCell(state, candidate.request, index, each);
      }
    }
    for (const { core, cpu } of candidate.helpers) state.reserveHelper(core, cpu);
  }
  state.cost += candidate.ownCost;
}

/** Undoes `reserve`; candidates may be released in any order. */
export function release(state: HostState, candidate: Candidate): void {
  state.cost -= candidate.ownCost;
  if (candidate.kind === 'node') {
    const { request, cell } = candidate;
    state.share(cell, request.vcpus, request.memoryKiB, -1);
    state.reserveMemory(request, cell, -request.memoryKiB);
    return;
  }
  for (const { core, cpu } of candidate.helpers) state.releaseHelper(core, cpu);
  if (candidate.kind === 'dedicated') {
    for (const [index, each] of candidate.cells.entries()) {
      releaseCell(state, candidate.request, index, each);
    }
  }
}

export function reserveCell(
  state: HostState,
  request: DedicatedRequest,
  index: number,
  at: CellCandidate,
): void {
  state.reserveMemory(request, at.memoryCell, guestCell(request, index).memoryKiB);
  for (const threads of at.selection) state.reserveVcpus(threads, request.threads !== 'prefer');
}

export function releaseCell(
  state: HostState,
  request: DedicatedRequest,
  index: number,
  at: CellCandidate,
): void {
  for (const threads of at.selection) state.releaseVcpus(threads);
  state.reserveMemory(request, at.memoryCell, -guestCell(request, index).memoryKiB);
}

export const guestCell = (request: DedicatedRequest, index: number): GuestCellRequest =>
  request.cells[index] as GuestCellRequest;

/** Combines vCPUs and helpers that were placed in separate steps. */
export function merged(candidate: Candidate): VmCandidate {
  if (candidate.kind !== 'helpers') return candidate;
  const { vcpus, helpers, ownCost } = candidate;
  return { ...vcpus, helpers, ownCost: vcpus.ownCost + ownCost };
}

export function cellPlaceOf(
  state: HostState,
  request: DedicatedRequest,
  index: number,
  at: CellCandidate,
): CellPlace {
  return {
    cell: at.cell.id,
    memoryCell: at.memoryCell.id,
    vcpus: [...guestCell(request, index).vcpus],
    cores: at.cpus.map((cpu) => (state.coreOf.get(cpu) as CoreState).core),
  };
}

export const cellPlacesOf = (
  state: HostState,
  { request, cells }: Pick<DedicatedCandidate, 'request' | 'cells'>,
): CellPlace[] => cells.map((at, index) => cellPlaceOf(state, request, index, at));

export const byAddedCost = (a: Candidate, b: Candidate): number => a.addedCost - b.addedCost;

/** CPUs that are dedicated to a VM's helpers. */
export const helperCount = ({ emulatorCpus, ioThreadCpus }: DedicatedRequest): number =>
  emulatorCpus + ioThreadCpus;

export const ownHelperCost = (
  state: HostState,
  places: readonly CellPlace[],
  helpers: readonly HelperCpu[],
): number => helpers.reduce((sum, { core }) => sum + helperCost(state.model, core.core, places), 0);
