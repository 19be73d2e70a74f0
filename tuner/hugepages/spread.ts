/** Pages that may come from any of these cells. */
export interface Demand {
  readonly pages: number;
  readonly cells: readonly number[];
}

/**
 * How many pages each demand gets if as much as possible is served in total. Pages are interchangeable and demands
 * overlap, so this is a maximum flow: a demand whose cells are empty pushes others to other cells that they may use
 * (Ford and Fulkerson, shortest paths first). Demands with the fewest cells go first, which keeps pushing to a minimum.
 */
export function spread(demands: readonly Demand[], free: ReadonlyMap<number, number>): number[] {
  const left = new Map(free);
  const taken = demands.map(() => new Map<number, number>());
  const order = demands.map((_, index) => index);
  order.sort((a, b) => (demands[a]?.cells.length ?? 0) - (demands[b]?.cells.length ?? 0) || a - b);
  for (const index of order) {
    let rest = demands[index]?.pages ?? 0;
    while (rest > 0) {
      const path = pathToFree(index, demands, taken, left);
      if (path === undefined) break;
      rest -= push(path, rest, taken, left);
    }
  }
  return taken.map((cells) => [...cells.values()].reduce((sum, pages) => sum + pages, 0));
}

/** One step of a path: this demand takes pages from this cell, and the next step makes room there. */
interface Move {
  readonly demand: number;
  readonly cell: number;
}

/** The shortest path from a demand to a cell with free pages, through demands that can use other cells. */
function pathToFree(
  from: number,
  demands: readonly Demand[],
  taken: readonly ReadonlyMap<number, number>[],
  left: ReadonlyMap<number, number>,
): Move[] | undefined {
  const seen = new Set<number>();
  const queue: Move[][] = [[]];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const demand = path.length === 0 ? from : undefined;
    const at = path.at(-1);
    // Any demand that holds pages of the cell reached may be pushed on.
    const movers =
      demand !== undefined
        ? [demand]
        : taken.flatMap((cells, index) => ((cells.get(at?.cell ?? -1) ?? 0) > 0 ? [index] : []));
    for (const mover of movers) {
      for (const cell of demands[mover]?.cells ?? []) {
        if (seen.has(cell)) continue;
        seen.add(cell);
        const next = [...path, { demand: mover, cell }];
        if ((left.get(cell) ?? 0) > 0) return next;
        queue.push(next);
      }
    }
  }
  return undefined;
}

/** Moves as many pages as every step of the path allows. */
function push(
  path: readonly Move[],
  wanted: number,
  taken: readonly Map<number, number>[],
  left: Map<number, number>,
): number {
  const last = path.at(-1);
  if (last === undefined) return wanted;
  const room = path.slice(1).map(({ demand }, index) => taken[demand]?.get(path[index]?.cell ?? -1) ?? 0);
  const pages = Math.min(wanted, left.get(last.cell) ?? 0, ...room);
  path.forEach(({ demand, cell }, index) => {
    const own = taken[demand];
    own?.set(cell, (own.get(cell) ?? 0) + pages);
    const before = path[index - 1];
    if (before !== undefined) own?.set(before.cell, (own.get(before.cell) ?? 0) - pages);
  });
  left.set(last.cell, (left.get(last.cell) ?? 0) - pages);
  return pages;
}
