import type { Board, Take } from './board.ts';
import type { CellState, CoreState } from './board-state.ts';
import type { Budget } from './budget.ts';
import { helperSeats, helpersOf } from './helper-seats.ts';
import { type CellSite, siteCost } from './objective.ts';
import { giveCell, type HelperTake, type Seat, type SeatCell, siteOf, takeCell } from './seat.ts';
import { LIKELY, type MoveCost } from './seats.ts';
import type { Assignment, DedicatedRequest, NodeRequest, PlacementRequest, ThreadPolicy } from './types.ts';

/** The seat that leaves a VM where it is, if it may stay there; its helpers too, or where they can go. */
export function keptSeat(
  board: Board,
  request: PlacementRequest,
  helpers: 'same' | 'any',
  budget: Budget,
  moveCost: MoveCost,
): Seat | undefined {
  const { current } = request;
  if (current === undefined || current.kind !== request.kind) return undefined;
  if (request.kind === 'node') return keptNode(board, request, current);
  const kept = new Keeping(board, request, current, budget).seat(helpers);
  if (kept === undefined) return undefined;
  const cost = moveCost(kept);
  return { ...kept, own: kept.own + cost, delta: kept.delta + cost };
}

function keptNode(board: Board, request: NodeRequest, current: Assignment): Seat | undefined {
  const cell = board.cell(current.cells[0] ?? -1);
  if (cell === undefined || cell.cores.length === 0 || cell.sharedCpus < request.vcpus) return undefined;
  if (!board.memoryFits(request, cell, request.memoryKiB)) return undefined;
  return { kind: 'node', request, cell, own: 0, delta: 0 };
}

class Keeping {
  readonly #board: Board;
  readonly #request: DedicatedRequest;
  readonly #current: Assignment;
  readonly #budget: Budget;
  readonly #cells: SeatCell[] = [];
  readonly #sites: CellSite[] = [];

  constructor(board: Board, request: DedicatedRequest, current: Assignment, budget: Budget) {
    this.#board = board;
    this.#request = request;
    this.#current = current;
    this.#budget = budget;
  }

  seat(helpers: 'same' | 'any'): (Seat & { kind: 'dedicated' }) | undefined {
    const start = this.#board.cost;
    const found = this.#seatCells()
      ? (this.#keepHelpers() ?? (helpers === 'any' ? this.#seatHelpers() : undefined))
      : undefined;
    this.#cells.forEach((at, index) => {
      giveCell(this.#board, this.#request, index, at);
    });
    if (found === undefined) return undefined;
    const cores = found.helpers.map(({ core }) => core.core);
    const own = siteCost(this.#board.view, this.#request, this.#sites, cores);
    return {
      kind: 'dedicated',
      request: this.#request,
      cells: this.#cells,
      helpers: found.helpers,
      own,
      delta: found.cost - start + own,
    };
  }

  #seatCells(): boolean {
    const wanted = this.#request.cells.reduce((sum, cell) => sum + cell.vcpus.size, 0);
    if (this.#current.vcpus.length !== wanted) return false;
    return this.#request.cells.every((_, index) => {
      const at = this.#cellAt(index);
      if (at === undefined) return false;
      takeCell(this.#board, this.#request, index, at);
      this.#cells.push(at);
      this.#sites.push(siteOf(this.#board, this.#request, index, at));
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

  #keepHelpers(): SeatedHelpers | undefined {
    const kept = this.#keptHelpers();
    if (kept === undefined) return undefined;
    for (const { core, cpu } of kept) this.#board.takeHelper(core, cpu);
    const { cost } = this.#board;
    const leavesRoom = kept.every(({ core }) => leaves(core.cell));
    for (const { core, cpu } of kept) this.#board.giveHelper(core, cpu);
    return leavesRoom ? { helpers: kept, cost } : undefined;
  }

  #seatHelpers(): SeatedHelpers | undefined {
    let best: SeatedHelpers | undefined;
    helperSeats(this.#board, this.#request, this.#sites, LIKELY, this.#budget, (helpers) => {
      best ??= { helpers: [...helpers], cost: this.#board.cost };
    });
    return best;
  }

  #keptHelpers(): HelperTake[] | undefined {
    const { emulatorCpus, ioThreadCpus } = this.#request;
    const { emulator, ioThreads } = this.#current;
    const cpus = [...(emulatorCpus > 0 ? emulator : []), ...(ioThreadCpus > 0 ? ioThreads : [])];
    if (emulatorCpus > 0 && emulator.size !== emulatorCpus) return undefined;
    if (cpus.length !== helpersOf(this.#request) || new Set(cpus).size !== cpus.length) return undefined;
    const takes = cpus.flatMap((cpu): HelperTake[] => {
      const core = this.#board.coreOf.get(cpu);
      return core !== undefined &&
        core.free.includes(cpu) &&
        core.lot !== undefined &&
        core.lot.kind !== 'vcpus'
        ? [{ core, cpu }]
        : [];
    });
    return takes.length === cpus.length ? takes : undefined;
  }
}

interface SeatedHelpers {
  readonly helpers: readonly HelperTake[];
  /** Of the board, with them on it. */
  readonly cost: number;
}

const leaves = (cell: CellState): boolean => cell.sharedCpus >= cell.widest;

function soleCpu(current: Assignment, vcpu: number): number | undefined {
  const cpus = current.vcpus[vcpu];
  return cpus?.size === 1 ? cpus.first : undefined;
}

/** These CPUs core by core; undefined when one of them is not free. */
function takesOf(board: Board, cpus: readonly number[]): Take[] | undefined {
  const byCore = new Map<CoreState, number[]>();
  for (const cpu of new Set(cpus)) {
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
