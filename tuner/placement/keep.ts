import type { Board, Take } from './board.ts';
import type { CoreState } from './board-state.ts';
import { deviceCost, helperCost, placeCost } from './cost.ts';
import { helpersOf } from './helper-seats.ts';
import {
  type DedicatedSeat,
  giveCell,
  type HelperSeat,
  type HelperTake,
  type Seat,
  type SeatCell,
  seat,
  sitesOf,
  takeCell,
  unseat,
  whole,
} from './seat.ts';
import type { MoveCost } from './seats.ts';
import type { Assignment, DedicatedRequest, NodeRequest, PlacementRequest, ThreadPolicy } from './types.ts';

/** The seat that leaves a VM, its helpers too, just where it is; if it may stay there. */
export function keptSeat(board: Board, request: PlacementRequest, moveCost: MoveCost): Seat | undefined {
  const { current } = request;
  if (current === undefined || current.kind !== request.kind) return undefined;
  if (request.kind === 'node') return keptNode(board, request, current);
  const vcpus = keptVcpus(board, request);
  if (vcpus === undefined) return undefined;
  seat(board, vcpus);
  const helpers = keptHelpers(board, vcpus, moveCost);
  unseat(board, vcpus);
  return helpers && whole(helpers);
}

function keptNode(board: Board, request: NodeRequest, current: Assignment): Seat | undefined {
  const cell = board.cell(current.cells[0] ?? -1);
  if (cell === undefined || cell.cores.length === 0 || cell.sharedCpus < request.vcpus) return undefined;
  if (!board.memoryFits(request, cell, request.memoryKiB)) return undefined;
  const own = deviceCost(board.view, request, [{ cell: cell.id }]);
  return { kind: 'node', request, cell, own, delta: own };
}

/** The seat that leaves a VM's vCPUs where they are, without its helpers. */
export function keptVcpus(board: Board, request: PlacementRequest): DedicatedSeat | undefined {
  const { current } = request;
  if (request.kind !== 'dedicated' || current?.kind !== 'dedicated') return undefined;
  return new Keeping(board, request, current).seat();
}

/** The seat that leaves helpers where they are, their VM's vCPUs being seated. */
export function keptHelpers(board: Board, vcpus: DedicatedSeat, moveCost: MoveCost): HelperSeat | undefined {
  const { request } = vcpus;
  const helpers = helpersToday(board, request);
  if (helpers === undefined) return undefined;
  const sites = sitesOf(board, vcpus);
  const before = board.cost;
  for (const { core, cpu } of helpers) board.takeHelper(core, cpu);
  const own =
    helpers.reduce((sum, { core }) => sum + helperCost(board.view, core.core, sites), 0) +
    moveCost({ ...vcpus, helpers });
  const delta = board.cost - before + own;
  const leavesRoom = helpers.every(({ core }) => core.cell.sharedCpus >= core.cell.widest);
  for (const { core, cpu } of helpers) board.giveHelper(core, cpu);
  return leavesRoom ? { kind: 'helpers', request, vcpus, helpers, own, delta } : undefined;
}

function helpersToday(board: Board, request: DedicatedRequest): HelperTake[] | undefined {
  const { emulatorCpus, ioThreadCpus, current } = request;
  if (current === undefined || (emulatorCpus > 0 && current.emulator.size !== emulatorCpus)) return undefined;
  const cpus = [
    ...(emulatorCpus > 0 ? current.emulator : []),
    ...(ioThreadCpus > 0 ? current.ioThreads : []),
  ];
  if (cpus.length !== helpersOf(request) || new Set(cpus).size !== cpus.length) return undefined;
  const takes = cpus.flatMap((cpu): HelperTake[] => {
    const core = board.coreOf.get(cpu);
    const free = core?.lot !== undefined && core.lot.kind !== 'vcpus' && core.free.includes(cpu);
    return free ? [{ core, cpu }] : [];
  });
  return takes.length === cpus.length ? takes : undefined;
}

class Keeping {
  readonly #board: Board;
  readonly #request: DedicatedRequest;
  readonly #current: Assignment;
  readonly #cells: SeatCell[] = [];

  constructor(board: Board, request: DedicatedRequest, current: Assignment) {
    this.#board = board;
    this.#request = request;
    this.#current = current;
  }

  seat(): DedicatedSeat | undefined {
    const start = this.#board.cost;
    const seated = this.#seatCells();
    const { cost } = this.#board;
    this.#cells.forEach((at, index) => {
      giveCell(this.#board, this.#request, index, at);
    });
    if (!seated) return undefined;
    const kept = { kind: 'dedicated', request: this.#request, cells: this.#cells, helpers: [] } as const;
    const own = placeCost(this.#board.view, this.#request, sitesOf(this.#board, kept), []);
    return { ...kept, own, delta: cost - start + own };
  }

  #seatCells(): boolean {
    const wanted = this.#request.cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);
    if (this.#current.vcpus.length !== wanted + (this.#request.sharedVcpus?.size ?? 0)) return false;
    return this.#request.cells.every((_, index) => {
      const at = this.#cellAt(index);
      if (at === undefined) return false;
      takeCell(this.#board, this.#request, index, at);
      this.#cells.push(at);
      return at.cell.sharedCpus >= at.cell.widest;
    });
  }

  #cellAt(index: number): SeatCell | undefined {
    const { threads, cells } = this.#request;
    const wanted = cells[index];
    const cpus = [...(wanted?.vcpus ?? [])].flatMap((vcpu) => soleCpu(this.#current, vcpu) ?? []);
    const takes = takesOf(this.#board, cpus);
    const cell = takes?.[0]?.core.cell;
    if (wanted === undefined || takes === undefined || cell === undefined) return undefined;
    if (cpus.length !== wanted.vcpus.size || takes.some(({ core }) => core.cell !== cell)) return undefined;
    if (this.#cells.some((each) => each.cell === cell) || !allowed(takes, threads)) return undefined;
    const memoryCell = wanted.memoryCell === undefined ? cell : this.#board.cell(wanted.memoryCell);
    return memoryCell !== undefined && this.#board.memoryFits(this.#request, memoryCell, wanted.memoryKiB)
      ? { cell, memoryCell, takes, cpus }
      : undefined;
  }
}

function soleCpu(current: Assignment, vcpu: number): number | undefined {
  const cpus = current.vcpus[vcpu];
  return cpus?.size === 1 ? cpus.first : undefined;
}

/** These CPUs core by core; undefined when one of them is not free, or is there twice. */
function takesOf(board: Board, cpus: readonly number[]): Take[] | undefined {
  if (new Set(cpus).size < cpus.length) return undefined;
  const byCore = new Map<CoreState, number[]>();
  for (const cpu of cpus) {
    const core = board.coreOf.get(cpu);
    if (core === undefined || core.closed || !core.free.includes(cpu)) return undefined;
    byCore.set(core, [...(byCore.get(core) ?? []), cpu]);
  }
  return [...byCore].map(([core, own]) => ({ core, cpus: own }));
}

/** Whether a policy lets a VM have these threads. */
function allowed(takes: readonly Take[], policy: ThreadPolicy): boolean {
  const kinds = takes.map(({ core }) => core.lot?.kind);
  if (policy === 'prefer') return kinds.every((kind) => kind !== 'helpers' && kind !== undefined);
  if (kinds.some((kind) => kind !== 'whole')) return false;
  if (policy === 'isolate') return takes.every(({ cpus }) => cpus.length === 1);
  const partly = takes.filter(({ core, cpus }) => cpus.length < core.free.length).length;
  return partly <= 1 && takes.every(({ core }) => core.free.length > 1);
}
