import type { Board } from './board.ts';
import type { CellState, CoreState } from './board-state.ts';
import type { Budget } from './budget.ts';
import { type CellPlace, helperCost } from './cost.ts';
import type { HelperTake } from './seat.ts';
import type { Breadth } from './seats.ts';
import type { DedicatedRequest } from './types.ts';

/** Cores where a helper is tried, on a large host and on one whose places are all listed. */
const LIKELY_CORES = 1;
const ALL_CORES = 8;

export const helpersOf = ({ emulatorCpus, ioThreadCpus }: DedicatedRequest): number =>
  emulatorCpus + ioThreadCpus;

/**
 * CPUs for a VM's emulator and iothreads, its vCPUs being seated: on cores that have no vCPUs, one CPU after the
 * other, each on the cheapest core first. `finish` is called for each way, with the board as it would be.
 */
export function helperSeats(
  board: Board,
  request: DedicatedRequest,
  sites: readonly CellPlace[],
  breadth: Breadth,
  budget: Budget,
  finish: (helpers: readonly HelperTake[]) => void,
): { readonly complete: boolean } {
  const wanted = helpersOf(request);
  const taken: HelperTake[] = [];
  const wide = breadth.exact ? ALL_CORES : LIKELY_CORES;
  let complete = breadth.exact;
  const next = (): void => {
    if (taken.length === wanted) {
      finish(taken);
      return;
    }
    const options = coresFor(board, sites, taken.at(-1)?.core.index ?? 0, breadth);
    if (options.length > wide) complete = false;
    for (const core of options.slice(0, wide)) {
      if (breadth.exact && budget.spent) {
        complete = false;
        return;
      }
      budget.spend(1);
      const cpu = core.free[0] as number;
      board.takeHelper(core, cpu);
      taken.push({ core, cpu });
      if (core.cell.sharedCpus >= core.cell.widest) next();
      taken.pop();
      board.giveHelper(core, cpu);
    }
  };
  next();
  return { complete };
}

/**
 * One core of each lot, the cheapest first. Where all ways are listed, helpers that follow one another go to cores
 * that do: which of them sits on which core makes no difference. Else the nearest cells that have any will do, and
 * in them the kind of core that is least missed.
 */
function coresFor(board: Board, sites: readonly CellPlace[], from: number, breadth: Breadth): CoreState[] {
  const cores = breadth.exact
    ? board.cells.flatMap((cell) => lotCores(cell, from))
    : (nearest(board, sites) ?? []);
  return cores
    .map((core) => ({ core, cost: costOf(board, sites, core) }))
    .sort((a, b) => a.cost - b.cost || a.core.index - b.core.index)
    .map(({ core }) => core);
}

function lotCores(cell: CellState, from: number): CoreState[] {
  return [...cell.lots.values()].flatMap(({ kind, cores }) =>
    kind === 'vcpus' ? [] : (cores.find((core) => core.index >= from) ?? []),
  );
}

function nearest(board: Board, sites: readonly CellPlace[]): CoreState[] | undefined {
  const away = (cell: CellState): number =>
    Math.min(...sites.map((site) => board.view.away(site.cell, cell.id)));
  const rings = Map.groupBy(board.cells, away);
  for (const ring of [...rings.keys()].sort((a, b) => a - b)) {
    const cores = (rings.get(ring) ?? []).flatMap((cell) => lotCores(cell, 0));
    const kinds = Map.groupBy(cores, (core) => MISSED.indexOf(`${core.lot?.kind} ${core.core.isolated}`));
    if (kinds.size > 0) return kinds.get(Math.min(...kinds.keys()));
  }
  return undefined;
}

/** From the least missed on: a core that has helpers already, one the host has its share of, a whole one. */
const MISSED = [false, true].flatMap((isolated) =>
  ['helpers', 'host', 'whole'].map((kind) => `${kind} ${isolated}`),
);

function costOf(board: Board, sites: readonly CellPlace[], core: CoreState): number {
  const before = board.cost;
  const cpu = core.free[0] as number;
  board.takeHelper(core, cpu);
  const cost = board.cost - before + helperCost(board.view, core.core, sites);
  board.giveHelper(core, cpu);
  return cost;
}
