import type { CacheState, CellState, CoreGroup, CoreThreads, CoreUse } from './state.ts';
import type { ThreadPolicy } from './types.ts';

/*
 * Core selection: which cores of a host cell a guest cell could use. Cores of a group are interchangeable, so a
 * selection takes some number of cores from each group, lowest index first.
 */

/** Cores, with the threads of each, for all vCPUs of a guest cell. */
export type CoreSelection = readonly CoreThreads[];

export interface CoreSelections {
  readonly selections: readonly CoreSelection[];
  /** No selection was left out, except for equivalent ones. */
  readonly complete: boolean;
}

const MAX_SELECTIONS = 256;

/** Core uses that a thread policy allows: `require` and `isolate` need cores without other users. */
const ALLOWED_USES: Readonly<Record<ThreadPolicy, ReadonlySet<CoreUse>>> = {
  require: new Set<CoreUse>(['whole']),
  isolate: new Set<CoreUse>(['whole']),
  prefer: new Set<CoreUse>(['whole', 'host', 'vcpus']),
};

/** Groups that a policy allows: whole cores first, then cheaper vCPUs, then more free threads. */
function allowedGroups(cell: CellState, policy: ThreadPolicy): CoreGroup[] {
  return [...cell.groups.values()]
    .filter((group) => group.cores.length > 0 && ALLOWED_USES[policy].has(group.use))
    .filter((group) => policy !== 'require' || group.threads > 1)
    .sort(
      (a, b) =>
        Number(b.use === 'whole') - Number(a.use === 'whole') ||
        (a.cores[0]?.vcpuCost ?? 0) - (b.cores[0]?.vcpuCost ?? 0) ||
        b.threads - a.threads ||
        (a.cores[0]?.index ?? 0) - (b.cores[0]?.index ?? 0),
    );
}

/** Threads per core that a policy uses for vCPUs. */
const threadsOf = (group: CoreGroup, policy: ThreadPolicy): number =>
  policy === 'isolate' ? 1 : group.threads;

/** All selections for `vcpus` vCPUs that use no more cores than needed. */
export function allSelections(cell: CellState, vcpus: number, policy: ThreadPolicy): CoreSelections {
  const groups = allowedGroups(cell, policy);
  const equivalent = equivalentBefore(cell, groups);
  const selections: CoreSelection[] = [];
  const counts = groups.map(() => 0);
  let complete = true;
  const choose = (at: number, left: number): void => {
    if (selections.length >= MAX_SELECTIONS) {
      complete = false;
      return;
    }
    if (left <= 0) {
      selections.push(...withSpareThreads(groups, counts, policy, -left));
      return;
    }
    const group = groups[at];
    if (group === undefined) return;
    const threads = threadsOf(group, policy);
    const before = equivalent[at];
    const most = Math.min(
      group.cores.length,
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
  return { selections, complete };
}

/** Selections with these core counts per group; the `spare` unused threads are left on one core of any one group. */
function withSpareThreads(
  groups: readonly CoreGroup[],
  counts: readonly number[],
  policy: ThreadPolicy,
  spare: number,
): CoreSelection[] {
  const used = groups.flatMap((group, at) =>
    (counts[at] as number) > 0 ? [{ group, count: counts[at] as number }] : [],
  );
  if (used.some(({ group }) => threadsOf(group, policy) <= spare)) return [];
  const select = (partly: CoreGroup | undefined): CoreSelection =>
    used.flatMap(({ group, count }) =>
      group.cores.slice(0, count).map((core, index): CoreThreads => {
        const short = group === partly && index === count - 1 ? spare : 0;
        return { core, cpus: core.free.slice(0, threadsOf(group, policy) - short) };
      }),
    );
  return spare === 0 ? [select(undefined)] : used.map(({ group }) => select(group));
}

/**
 * For each group, the index of an earlier equivalent group, in another cache that looks the same. Selections that take
 * more cores of the later group than of the earlier one are redundant. Applies only to caches with one allowed group.
 */
function equivalentBefore(cell: CellState, groups: readonly CoreGroup[]): (number | undefined)[] {
  const contents = cacheContents(cell);
  const single = (group: CoreGroup): boolean =>
    groups.filter(({ cache }) => cache === group.cache).length === 1;
  const last = new Map<string, number>();
  return groups.map((group, at) => {
    if (!single(group)) return undefined;
    const content = contents.get(group.cache) as string;
    const before = last.get(content);
    last.set(content, at);
    return before;
  });
}

/** A key per cache, equal for caches with the same cores in the same use. */
function cacheContents(cell: CellState): Map<CacheState, string> {
  const contents = new Map<CacheState, string>();
  const groups = [...cell.groups.values()]
    .filter((group) => group.cores.length > 0)
    .sort(
      (a, b) =>
        a.coreClass - b.coreClass || (a.use < b.use ? -1 : Number(a.use > b.use)) || a.threads - b.threads,
    );
  for (const { cache, coreClass, use, threads, cores } of groups) {
    const start = contents.get(cache) ?? `${cache.wholeFree}`;
    contents.set(cache, `${start}, ${coreClass} ${use} ${threads} ${cores.length}`);
  }
  return contents;
}

/**
 * The few selections worth trying on a large host:
 * 1. within one cache, on whole cores; if no cache has enough:
 * 2. within one cache, on its whole cores and on single threads of others;
 * 3. over several caches: those with the most room until one can hold the rest, then the smallest that can; on whole
 *    cores, or if these do not suffice on single threads too; within each die, and within the cell.
 */
export function likelySelections(cell: CellState, vcpus: number, policy: ThreadPolicy): CoreSelection[] {
  const groups = allowedGroups(cell, policy);
  const whole = groups.filter((group) => group.use === 'whole');
  const contents = cacheContents(cell);
  const near = withinCaches(whole, vcpus, policy, contents);
  if (near.length > 0) return near;
  const spread = overCaches(whole, vcpus, policy);
  return [
    ...withinCaches(groups, vcpus, policy, contents),
    ...(spread.length > 0 ? spread : overCaches(groups, vcpus, policy)),
  ];
}

function withinCaches(
  groups: readonly CoreGroup[],
  vcpus: number,
  policy: ThreadPolicy,
  contents: ReadonlyMap<CacheState, string>,
): CoreSelection[] {
  const seen = new Set<string>();
  const found: CoreSelection[] = [];
  for (const [cache, own] of Map.groupBy(groups, (group) => group.cache)) {
    const content = contents.get(cache) as string;
    if (seen.has(content) || vcpusThatFit(own, policy) < vcpus) continue;
    seen.add(content);
    found.push(fill(own, vcpus, policy));
  }
  return found;
}

function overCaches(groups: readonly CoreGroup[], vcpus: number, policy: ThreadPolicy): CoreSelection[] {
  const dies = Map.groupBy(groups, (group) => group.cores[0]?.core.die);
  const areas = dies.size > 1 ? [...dies.values(), groups] : [groups];
  return areas
    .filter((area) => vcpusThatFit(area, policy) >= vcpus)
    .map((area) => fillCaches(area, vcpus, policy));
}

function fillCaches(groups: readonly CoreGroup[], vcpus: number, policy: ThreadPolicy): CoreSelection {
  const caches = [...Map.groupBy(groups, (group) => group.cache).values()]
    .map((own) => ({ own, room: vcpusThatFit(own, policy) }))
    .sort((a, b) => b.room - a.room);
  const selection: CoreThreads[] = [];
  for (let left = vcpus; left > 0; ) {
    const smallest = Math.min(...caches.map(({ room }) => room).filter((room) => room >= left));
    const enough = caches.findIndex(({ room }) => room === smallest);
    const [next] = caches.splice(Math.max(enough, 0), 1);
    if (next === undefined) break;
    selection.push(...fill(next.own, Math.min(left, next.room), policy));
    left -= next.room;
  }
  return selection;
}

const vcpusThatFit = (groups: readonly CoreGroup[], policy: ThreadPolicy): number =>
  groups.reduce((sum, group) => sum + group.cores.length * threadsOf(group, policy), 0);

/** Takes core after core, in group order. */
function fill(groups: readonly CoreGroup[], vcpus: number, policy: ThreadPolicy): CoreSelection {
  const selection: CoreThreads[] = [];
  let left = vcpus;
  for (const group of groups) {
    for (const core of group.cores) {
      if (left <= 0) return selection;
      const cpus = core.free.slice(0, Math.min(left, threadsOf(group, policy)));
      selection.push({ core, cpus });
      left -= cpus.length;
    }
  }
  return selection;
}

/** Whether a policy lets a VM use these free threads. */
export function policyAllows(policy: ThreadPolicy, selection: CoreSelection): boolean {
  const uses = selection.map(({ core }) => core.group?.use);
  if (policy === 'prefer') return uses.every((use) => use !== 'helpers' && use !== undefined);
  if (uses.some((use) => use !== 'whole')) return false;
  if (policy === 'isolate') return selection.every(({ cpus }) => cpus.length === 1);
  const partly = selection.filter(({ core, cpus }) => cpus.length < core.free.length).length;
  return partly <= 1 && selection.every(({ core }) => core.free.length > 1);
}
