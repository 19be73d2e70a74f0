import type { CpuSet } from '../cpu-set.ts';
import { type Load, type Site, shortageOf } from './routing.ts';
import { type Demand, Pool, waterLevel } from './water-level.ts';

/** vCPUs of one VM that may run on the same CPUs. */
export interface CpuClass {
  readonly cpus: CpuSet;
  /** CPU seconds per second that they want together. */
  readonly demand: number;
}

/** A control group that competes for CPUs as one: a VM, however many vCPUs it has. */
export interface CpuGroup {
  /** `cpu.shares` or `cpu.weight`, against those of the other groups. */
  readonly weight: number;
  readonly classes: readonly CpuClass[];
}

export interface CpuPart {
  /** Of its demand, 0 to 1. */
  readonly share: number;
  /** The CPUs that it may use have no time left: what wakes up there waits for what runs, also within its share. */
  readonly contended: boolean;
}

const CALM: CpuPart = { share: 1, contended: false };

interface Placed extends Demand {
  readonly group: number;
  readonly class: number;
  readonly area: number;
}

/**
 * What each class of each group gets, by group and class.
 *
 * Linux shares a CPU out between control groups first. On one CPU a group competes with its weight times the part of its load
 * that is there (calc_group_shares in kernel/sched/fair.c: tg->shares x load of the group on that CPU / load of the group), and
 * within the group its threads share that. libvirt makes a group for each VM, with its `<shares>` as weight and a group below
 * it for each vCPU (docs/cgroups.rst; machine.slice/machine-qemu\x2d1\x2dNAME.scope or machine/qemu-1-NAME.libvirt-qemu). So a
 * VM with eight busy vCPUs claims as much as one with one. The balancer evens out load by the same weights (task_h_load), so
 * that what may run on several CPUs gets the best of them.
 *
 * Computed is the state that this tends to: no class gets more than it asks for, no CPU has time left while a class that may use
 * it waits, and on the CPUs that are short each gets CPU time in proportion to weight x demand / demand of its group. That is
 * max-min fairness with weights, found by splitting at the CPUs that are short (decomposition algorithm for separable
 * objectives on polymatroids; Groenevelt, "Two algorithms for maximizing a separable concave function over a polymatroid
 * feasible region", 1991).
 *
 * Not modelled: that a thread which wakes up waits for the one that runs; that threads are whole and move at a cost; SMT; that
 * a group whose threads mostly sleep has more of its weight where one is awake; emulator threads and iothreads.
 */
export function shareOut(groups: readonly CpuGroup[]): CpuPart[][] {
  const parts = groups.map(({ classes }) => classes.map(() => CALM));
  const areas = new Map<string, { readonly index: number; readonly cpus: CpuSet }>();
  const placed: Placed[] = [];
  groups.forEach(({ weight, classes }, group) => {
    const demand = classes.reduce((sum, each) => sum + each.demand, 0);
    classes.forEach((each, index) => {
      if (each.demand <= 0) return;
      const key = each.cpus.toString();
      const area = areas.get(key) ?? { index: areas.size, cpus: each.cpus };
      areas.set(key, area);
      placed.push({ group, class: index, area: area.index, demand: each.demand, weight: weight / demand });
    });
  });
  placed.sort((a, b) => b.weight - a.weight);
  const byArea = Array.from(areas, (): Placed[] => []);
  for (const each of placed) byArea[each.area]?.push(each);
  const levels = levelsOf(
    byArea.map((each) => new Pool(each)),
    sitesOf([...areas.values()].map(({ cpus }) => cpus)),
  );
  for (const { group, class: index, area, weight } of placed) {
    const level = levels[area] as number;
    if (level === Number.POSITIVE_INFINITY) continue;
    (parts[group] as CpuPart[])[index] = { share: Math.min(1, level * weight), contended: true };
  }
  return parts;
}

interface Sites {
  readonly sites: readonly Site[];
  /** Of each area, in the order of the areas. */
  readonly ofArea: readonly (readonly number[])[];
}

/** CPUs that the same areas have are one site. */
function sitesOf(areas: readonly CpuSet[]): Sites {
  const siteOf = new Map<number, number>();
  let count = 0;
  for (const cpus of areas) {
    const split = new Map<number, number>();
    for (const cpu of cpus) {
      const before = siteOf.get(cpu) ?? -1;
      const site = split.get(before) ?? count++;
      split.set(before, site);
      siteOf.set(cpu, site);
    }
  }
  const cpus = new Map<number, number>();
  for (const site of siteOf.values()) cpus.set(site, (cpus.get(site) ?? 0) + 1);
  const indexes = new Map([...cpus.keys()].map((site, index) => [site, index]));
  return {
    sites: [...cpus.values()].map((each) => ({ cpus: each })),
    ofArea: areas.map((each) => [
      ...new Set([...each].map((cpu) => indexes.get(siteOf.get(cpu) as number) as number)),
    ]),
  };
}

/** Of each pool: infinite where all of it is served. */
function levelsOf(pools: readonly Pool[], { sites, ofArea }: Sites): number[] {
  const levels = pools.map(() => Number.POSITIVE_INFINITY);
  const open = [{ areas: [...pools.keys()], among: [...sites.keys()] }];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const { areas, among } = part;
    const cpus = among.reduce((sum, site) => sum + (sites[site]?.cpus ?? 0), 0);
    const level = waterLevel(
      areas.map((area) => pools[area] as Pool),
      cpus,
    );
    const local = new Map(among.map((site, index) => [site, index]));
    const loads = areas.map(
      (area): Load => ({
        amount: (pools[area] as Pool).servedAt(level),
        sites: (ofArea[area] ?? []).flatMap((site) => local.get(site) ?? []),
      }),
    );
    const short = shortageOf(
      loads,
      among.map((site) => sites[site] as Site),
    );
    if (short === undefined || (short.loads.size === areas.length && short.sites.size === among.length)) {
      for (const area of areas) levels[area] = level;
      continue;
    }
    // Those that are short get less than this level and use up their CPUs; the others have the other CPUs, and more.
    for (const isShort of [true, false]) {
      open.push({
        areas: areas.filter((_, index) => short.loads.has(index) === isShort),
        among: among.filter((_, index) => short.sites.has(index) === isShort),
      });
    }
  }
  return levels;
}
