import { CpuSet } from '../../model/cpu-set.ts';
import { helperCount } from './candidate.ts';
import { WEIGHTS } from './cost.ts';
import { combinations } from './search.ts';
import { type FoundSolution, Solver, type SolverOptions } from './solver.ts';
import type { Floater, PlacementHost, PlacementRequest } from './types.ts';

/*
 * Rungs 1 and 2 of the ladder (policy.ts): no VM moves, or as few as possible.
 */

/** Options shared by all rungs. */
export interface LadderOptions extends Pick<SolverOptions, 'moveCost'> {
  readonly rebalance: boolean;
}

/** A solver in which all VMs have a place; `proven`: the search was exhaustive. */
interface Solved {
  readonly solver: Solver;
  readonly proven: boolean;
}

interface Unsolved {
  readonly solver: undefined;
  readonly proven: boolean;
}

/** Above this many VMs with a place, the choices of VMs to move are not searched exhaustively. */
const MAX_MOVE_CHOICES = 6;

/** Finds places for all VMs while moving as few as possible of those that have one. */
export class FewestMoves {
  readonly #host: PlacementHost;
  readonly #requests: readonly PlacementRequest[];
  readonly #options: LadderOptions & SolverOptions;

  constructor(
    host: PlacementHost,
    requests: readonly PlacementRequest[],
    options: LadderOptions & SolverOptions,
  ) {
    this.#host = host;
    this.#requests = requests;
    this.#options = options;
  }

  solve(): Solved | Unsolved {
    const present = this.#options.rebalance
      ? []
      : this.#requests.filter(({ current }) => current !== undefined);
    const unplaced = this.#requests.filter((request) => !present.includes(request));
    return present.length <= MAX_MOVE_CHOICES
      ? this.#tryChoices(unplaced, present)
      : this.#tryLikely(unplaced, present);
  }

  /** For few VMs with a place: move none, then one, then two, ...; for each number, the cheapest choice. */
  #tryChoices(
    unplaced: readonly PlacementRequest[],
    present: readonly PlacementRequest[],
  ): Solved | Unsolved {
    let proven = true;
    for (let count = 0; count <= present.length; count++) {
      const result = this.#tryMoving(count, unplaced, present);
      proven &&= result.proven;
      if (result.solver !== undefined) return { solver: result.solver, proven };
    }
    return proven ? { solver: undefined, proven } : this.#allMove();
  }

  /** The cheapest choice of `count` VMs to move. */
  #tryMoving(
    count: number,
    unplaced: readonly PlacementRequest[],
    present: readonly PlacementRequest[],
  ): Solved | Unsolved {
    let best: { solver: Solver; outcome: FoundSolution } | undefined;
    let proven = true;
    for (const { moving, staying, loose, leastCost } of moveChoices(present, count)) {
      if (best !== undefined && best.outcome.cost <= leastCost) continue;
      if (this.#options.budget.spent) {
        proven = false;
        break;
      }
      const solver = this.#newSolver();
      if (solver.keep(staying, new Set(loose)).length > 0) continue;
      const outcome = solver.solve([...unplaced, ...moving]);
      proven &&= outcome.proven;
      if (outcome.kind === 'found' && outcome.cost < (best?.outcome.cost ?? Number.POSITIVE_INFINITY)) {
        best = { solver, outcome };
      }
    }
    return best === undefined ? { solver: undefined, proven } : committed(best.solver, best.outcome, proven);
  }

  /** For many VMs: move none; only helpers; one VM; those in the way of the unplaced ones; all. */
  #tryLikely(unplaced: readonly PlacementRequest[], present: readonly PlacementRequest[]): Solved | Unsolved {
    const solver = this.#newSolver();
    const leaving = solver.keep(present);
    const staying = present.filter((request) => !leaving.includes(request));
    const moving = [...unplaced, ...leaving];
    const outcome = solver.solve(moving);
    if (outcome.kind === 'found') return committed(solver, outcome, outcome.proven);
    return (
      this.#helpersMove(moving, staying) ??
      this.#oneMoves(solver, moving, staying) ??
      this.#thoseInTheWayMove(moving, staying) ??
      this.#allMove()
    );
  }

  #helpersMove(
    moving: readonly PlacementRequest[],
    staying: readonly PlacementRequest[],
  ): Solved | undefined {
    const solver = this.#newSolver();
    const leaving = solver.keep(staying, new Set(staying.filter(hasHelpers)));
    const outcome = solver.solve([...moving, ...leaving]);
    return outcome.kind === 'found' ? committed(solver, outcome, false) : undefined;
  }

  #oneMoves(
    solver: Solver,
    moving: readonly PlacementRequest[],
    staying: readonly PlacementRequest[],
  ): Solved | undefined {
    let best: { mover: PlacementRequest; cost: number } | undefined;
    for (const mover of staying) {
      if (this.#options.budget.spent) break;
      solver.release(mover);
      const outcome = solver.solve([...moving, mover], { quick: true });
      solver.keep([mover]);
      if (outcome.kind === 'found' && outcome.cost < (best?.cost ?? Number.POSITIVE_INFINITY)) {
        best = { mover, cost: outcome.cost };
      }
    }
    if (best === undefined) return undefined;
    solver.release(best.mover);
    const outcome = solver.solve([...moving, best.mover]);
    return outcome.kind === 'found' ? committed(solver, outcome, false) : undefined;
  }

  /** Places the moving VMs first, avoiding cores of VMs with a place where possible; VMs then in the way move. */
  #thoseInTheWayMove(
    moving: readonly PlacementRequest[],
    staying: readonly PlacementRequest[],
  ): Solved | undefined {
    const solver = new Solver(asConfined(this.#host, staying), this.#requests, this.#options);
    const first = solver.solve(moving);
    if (first.kind === 'none') return undefined;
    solver.commit(first);
    const outcome = solver.solve(solver.keep(staying));
    return outcome.kind === 'found' ? committed(solver, outcome, false) : undefined;
  }

  #allMove(): Solved | Unsolved {
    const solver = this.#newSolver();
    const outcome = solver.solve(this.#requests);
    if (outcome.kind === 'found') return committed(solver, outcome, false);
    return { solver: undefined, proven: outcome.proven };
  }

  #newSolver(): Solver {
    return new Solver(this.#host, this.#requests, this.#options);
  }
}

/** The host as if these VMs were merely confined to their CPUs: others may use the CPUs too, at a cost. */
function asConfined(host: PlacementHost, staying: readonly PlacementRequest[]): PlacementHost {
  const floaters = staying.flatMap(({ guest, current }): Floater[] =>
    current?.kind === 'dedicated'
      ? [{ guest, cpus: CpuSet.of(current.vcpus.flatMap((cpus) => [...cpus])), narrow: true }]
      : [],
  );
  return { ...host, floaters: [...host.floaters, ...floaters] };
}

const hasHelpers = (request: PlacementRequest): boolean =>
  request.kind === 'dedicated' && helperCount(request) > 0;

function committed(solver: Solver, outcome: FoundSolution, proven: boolean): Solved {
  solver.commit(outcome);
  return { solver, proven };
}

interface MoveChoice {
  readonly moving: readonly PlacementRequest[];
  readonly staying: readonly PlacementRequest[];
  /** Staying VMs whose helpers may move. */
  readonly loose: readonly PlacementRequest[];
  /** Lower bound for the cost of these moves. */
  readonly leastCost: number;
}

/** All choices of `count` VMs to move; for each, first with no helpers moving, then those of one VM, then more. */
function* moveChoices(present: readonly PlacementRequest[], count: number): Generator<MoveChoice> {
  for (const moving of combinations(present, count)) {
    const staying = present.filter((request) => !moving.includes(request));
    const withHelpers = staying.filter(hasHelpers);
    for (let helpers = 0; helpers <= withHelpers.length; helpers++) {
      const leastCost = count * WEIGHTS.moved + helpers * WEIGHTS.helpersMoved;
      for (const loose of combinations(withHelpers, helpers)) yield { moving, staying, loose, leastCost };
    }
  }
}
