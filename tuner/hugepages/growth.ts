import type { Problem } from '../errors.ts';
import type { CellMemory } from '../facts/facts.ts';
import { sizeText } from '../settings/values.ts';
import type { StepOf } from '../steps/step.ts';
import type { PageInventory } from './page-inventory.ts';

/** Pools grown to what the next boots of all domains need, as far as memory allows. */
export interface Growth {
  readonly steps: readonly StepOf<'hostPages'>[];
  readonly problems: readonly Problem[];
}

interface Room {
  freeKiB: number | undefined;
  readonly more: Map<number, number>;
}

/**
 * Adds missing pages to the cell that they are bound to; pages that may come from several cells are added where most
 * memory is free, split up if necessary. Never shrinks a pool: pages without a user may be a reserve.
 */
export function growthOf(inventory: PageInventory, cells: readonly CellMemory[]): Growth {
  const rooms = new Map<number, Room>(cells.map(({ id, freeKiB }) => [id, { freeKiB, more: new Map() }]));
  const problems: Problem[] = [];
  const has = (sizeKiB: number): boolean => inventory.pools.some((pool) => pool.sizeKiB === sizeKiB);
  for (const { cell, sizeKiB, missing } of inventory.pools) {
    if (missing === 0) continue;
    const lacking = missing - take(rooms, [cell], sizeKiB, missing);
    if (lacking > 0) problems.push(noMemory(`cell ${cell}`, sizeKiB, missing, rooms.get(cell)));
  }
  for (const { cells: bound, sizeKiB, missing } of inventory.shared) {
    if (missing === 0) continue;
    if (!has(sizeKiB)) {
      problems.push({
        code: 'NO_SUCH_PAGES',
        text: `${missing} pages of ${sizeText(sizeKiB)} are needed, but this host has none of that size`,
        next: 'choose another size in the domain, or add hugepagesz= to the kernel command line',
      });
      continue;
    }
    const choice = bound === undefined ? [...rooms.keys()] : [...bound];
    const lacking = missing - take(rooms, choice, sizeKiB, missing);
    const where = bound === undefined ? 'all cells' : `cells ${bound}`;
    if (lacking > 0) problems.push(noMemory(where, sizeKiB, missing, undefined));
  }
  const steps = inventory.pools.flatMap(({ cell, sizeKiB, total }): StepOf<'hostPages'>[] => {
    const more = rooms.get(cell)?.more.get(sizeKiB) ?? 0;
    return more === 0 ? [] : [{ kind: 'hostPages', cell, sizeKiB, to: total + more }];
  });
  return { steps, problems };
}

/** Takes memory for as many pages as fit, starting with the cell that has most free; returns their number. */
function take(
  rooms: ReadonlyMap<number, Room>,
  cells: readonly number[],
  sizeKiB: number,
  wanted: number,
): number {
  const free = (cell: number): number => rooms.get(cell)?.freeKiB ?? Number.POSITIVE_INFINITY;
  let rest = wanted;
  for (const cell of cells.toSorted((a, b) => free(b) - free(a) || a - b)) {
    const room = rooms.get(cell);
    if (room === undefined) continue;
    const pages = Math.min(rest, Math.floor(free(cell) / sizeKiB));
    if (pages === 0) continue;
    room.more.set(sizeKiB, (room.more.get(sizeKiB) ?? 0) + pages);
    if (room.freeKiB !== undefined) room.freeKiB -= pages * sizeKiB;
    rest -= pages;
  }
  return wanted - rest;
}

function noMemory(where: string, sizeKiB: number, missing: number, room: Room | undefined): Problem {
  const wants = sizeText(missing * sizeKiB);
  const has = room?.freeKiB === undefined ? 'less' : `only ${sizeText(room.freeKiB)}`;
  return {
    code: 'NO_MEMORY',
    text: `${where}: ${missing} more pages of ${sizeText(sizeKiB)} need ${wants}, but ${has} is free`,
    next: 'move domains, reduce their memory, or bind them to other cells',
  };
}
