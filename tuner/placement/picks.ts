import type { Take } from './board.ts';
import type { CacheState, CellState, CoreKind, Lot } from './board-state.ts';
import type { ThreadPolicy } from './types.ts';

/** Ways to take cores of one cell for a guest cell. */
export interface Picks {
  readonly picks: readonly (readonly Take[])[];
  /** None was left out, but for such as are like another. */
  readonly complete: boolean;
}

/** More ways than this are not listed. */
const PICKS_MAX = 256;

const KINDS_ALLOWED: Readonly<Record<ThreadPolicy, ReadonlySet<CoreKind>>> = {
  require: new Set<CoreKind>(['whole']),
  isolate: new Set<CoreKind>(['whole']),
  prefer: new Set<CoreKind>(['whole', 'host', 'vcpus']),
};

/** Lots that a policy lets vCPUs use: whole cores first, then those that cost least, by cache. */
function lotsFor(cell: CellState, policy: ThreadPolicy): Lot[] {
  return [...cell.lots.values()]
    .filter((lot) => lot.cores.length > 0 && KINDS_ALLOWED[policy].has(lot.kind))
    .filter((lot) => policy !== 'require' || lot.threads > 1)
    .sort(
      (a, b) =>
        Number(b.kind === 'whole') - Number(a.kind === 'whole') ||
        (a.cores[0]?.vcpuCost ?? 0) - (b.cores[0]?.vcpuCost ?? 0) ||
        b.threads - a.threads ||
        (a.cores[0]?.index ?? 0) - (b.cores[0]?.index ?? 0),
    );
}

/** Threads that a policy uses of a core. */
const threadsOf = (lot: Lot, policy: ThreadPolicy): number => (policy === 'isolate' ? 1 : lot.threads);

/** Every way to seat `vcpus` on as few cores as will do, lot by lot; of cores that are alike, those first in number. */
export function allPicks(cell: CellState, vcpus: number, policy: ThreadPolicy): Picks {
  const lots = lotsFor(cell, policy);
  const alike = likeBefore(cell, lots);
  const picks: Take[][] = [];
  const counts = lots.map(() => 0);
  let complete = true;
  const choose = (at: number, left: number): void => {
    if (picks.length >= PICKS_MAX) {
      complete = false;
      return;
    }
    if (left <= 0) {
      picks.push(...fillings(lots, counts, policy, -left));
      return;
    }
    const lot = lots[at];
    if (lot === undefined) return;
    const threads = threadsOf(lot, policy);
    const before = alike[at];
    const most = Math.min(
      lot.cores.length,
      Math.ceil(left / threads),
      before === undefined ? Number.POSITIVE_INFINITY : (counts[before] as number),
    );
    for (let count = most; count >= 0; count--) {
      counts[at] = count;
      choose(at + 1, left - count * threads);
    }
    counts[at] = 0;
  };
  choose(0, vcpus);
  return { picks, complete };
}

/** The takes of so many cores of each lot, with `spare` threads left over on one core of any of them. */
function fillings(
  lots: readonly Lot[],
  counts: readonly number[],
  policy: ThreadPolicy,
  spare: number,
): Take[][] {
  const used = lots.flatMap((lot, at) =>
    (counts[at] as number) > 0 ? [{ lot, count: counts[at] as number }] : [],
  );
  if (used.some(({ lot }) => threadsOf(lot, policy) <= spare)) return [];
  const filled = (partly: Lot | undefined): Take[] =>
    used.flatMap(({ lot, count }) =>
      lot.cores.slice(0, count).map((core, index): Take => {
        const short = lot === partly && index === count - 1 ? spare : 0;
        return { core, cpus: core.free.slice(0, threadsOf(lot, policy) - short) };
      }),
    );
  return spare === 0 ? [filled(undefined)] : used.map(({ lot }) => filled(lot));
}

/**
 * For each lot, the one before it in a cache that looks the same: what could be done with the later can be done
 * with the earlier. Only for caches with a single lot of use, where that is plain to see.
 */
function likeBefore(cell: CellState, lots: readonly Lot[]): (number | undefined)[] {
  const looks = cacheLooks(cell);
  const single = (lot: Lot): boolean => lots.filter(({ cache }) => cache === lot.cache).length === 1;
  const last = new Map<string, number>();
  return lots.map((lot, at) => {
    if (!single(lot)) return undefined;
    const look = looks.get(lot.cache) as string;
    const before = last.get(look);
    last.set(look, at);
    return before;
  });
}

function cacheLooks(cell: CellState): Map<CacheState, string> {
  const looks = new Map<CacheState, string>();
  const lots = [...cell.lots.values()]
    .filter((lot) => lot.cores.length > 0)
    .sort(
      (a, b) => a.kin - b.kin || (a.kind < b.kind ? -1 : Number(a.kind > b.kind)) || a.threads - b.threads,
    );
  for (const { cache, kin, kind, threads, cores } of lots) {
    const start = looks.get(cache) ?? `${cache.free}`;
    looks.set(cache, `${start}, ${kin} ${kind} ${threads} ${cores.length}`);
  }
  return looks;
}

/**
 * The few ways that are worth a try on a large host:
 * 1. within one cache, on whole cores; where no cache has so many:
 * 2. within one cache, on what whole cores it has and single threads of others;
 * 3. over several caches: the fullest that hold no more than is wanted, then the smallest that holds the rest; on
 *    whole cores, or on threads of others too where these do not suffice; within a die, and within the cell.
 */
export function likelyPicks(cell: CellState, vcpus: number, policy: ThreadPolicy): Picks {
  const lots = lotsFor(cell, policy);
  const whole = lots.filter((lot) => lot.kind === 'whole');
  const looks = cacheLooks(cell);
  const near = withinCaches(whole, vcpus, policy, looks);
  if (near.length > 0) return { picks: near, complete: false };
  const spread = overCaches(whole, vcpus, policy);
  const picks = [
    ...withinCaches(lots, vcpus, policy, looks),
    ...(spread.length > 0 ? spread : overCaches(lots, vcpus, policy)),
  ];
  return { picks, complete: false };
}

function withinCaches(
  lots: readonly Lot[],
  vcpus: number,
  policy: ThreadPolicy,
  looks: ReadonlyMap<CacheState, string>,
): Take[][] {
  const seen = new Set<string>();
  const found: Take[][] = [];
  for (const [cache, own] of Map.groupBy(lots, (lot) => lot.cache)) {
    const look = looks.get(cache) as string;
    if (seen.has(look) || roomIn(own, policy) < vcpus) continue;
    seen.add(look);
    found.push(fill(own, vcpus, policy));
  }
  return found;
}

function overCaches(lots: readonly Lot[], vcpus: number, policy: ThreadPolicy): Take[][] {
  const dies = Map.groupBy(lots, (lot) => lot.cores[0]?.core.die);
  const pools = dies.size > 1 ? [...dies.values(), lots] : [lots];
  return pools
    .filter((pool) => roomIn(pool, policy) >= vcpus)
    .map((pool) => {
      const caches = [...Map.groupBy(pool, (lot) => lot.cache).values()]
        .map((own) => ({ own, room: roomIn(own, policy) }))
        .sort((a, b) => b.room - a.room);
      const takes: Take[] = [];
      for (let left = vcpus; left > 0; ) {
        const smallest = Math.min(...caches.map(({ room }) => room).filter((room) => room >= left));
        const enough = caches.findIndex(({ room }) => room === smallest);
        const [next] = caches.splice(Math.max(enough, 0), 1);
        if (next === undefined) break;
        takes.push(...fill(next.own, Math.min(left, next.room), policy));
        left -= next.room;
      }
      return takes;
    });
}

const roomIn = (lots: readonly Lot[], policy: ThreadPolicy): number =>
  lots.reduce((sum, lot) => sum + lot.cores.length * threadsOf(lot, policy), 0);

function fill(lots: readonly Lot[], vcpus: number, policy: ThreadPolicy): Take[] {
  const takes: Take[] = [];
  let left = vcpus;
  for (const lot of lots) {
    for (const core of lot.cores) {
      if (left <= 0) return takes;
      const cpus = core.free.slice(0, Math.min(left, threadsOf(lot, policy)));
      takes.push({ core, cpus });
      left -= cpus.length;
    }
  }
  return takes;
}
