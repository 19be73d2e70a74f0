import type { CpuSet } from '../cpu-set.ts';
import { type Load, type Site, shortageOf } from './routing.ts';
import { type Demand, Pool, waterLevel } from './water-level.ts';

/** vCPUs of one VM that may run on the same CPUs. */
export interface CpuClass {
  readonly cpus: CpuSet;
  /** Combined demand, CPU seconds per second. */
  readonly demand: number;
}

/** A control group that competes for CPU as a unit: a VM, however many vCPUs it has. */
export interface CpuGroup {
  /** `cpu.shares` or `cpu.weight`, relative to the other groups. */
  readonly weight: number;
  readonly classes: readonly CpuClass[];
}

export interface CpuPart {
  /** Share of its demand that is served, 0 to 1. */
  readonly share: number;
  /** The CPUs that it may use have no time left: a thread that wakes up there has to wait, even within its share. */
  readonly contended: boolean;
}

const UNCONTENDED: CpuPart = { share: 1, contended: false };

interface Placed extends Demand {
  readonly group: number;
  readonly class: number;
  readonly area: number;
}

/**
 * What each class of each group gets, by group and class.
 *
 * Linux divides a CPU between control groups first. On one CPU, a group competes with its weight times the fraction of
 * its load that is on that CPU (calc_group_shares in kernel/sched/fair.c: tg->shares x load of the group on that CPU /
 * load of the group); its threads divide what the group gets. libvirt creates a group per VM, with `<shares>` as its
 * weight and a child group per vCPU (docs/cgroups.rst; machine.slice/machine-qemu\x2d1\x2dNAME.scope or
 * machine/qemu-1-NAME.libvirt-qemu). So a VM with eight busy vCPUs claims as much as a VM with one. The load balancer
 * uses the same weights (task_h_load), so a thread that may run on several CPUs gets the best of them.
 *
 * The result is the steady state of this: no class gets more than it demands, no CPU has time left while a class that
 * may use it waits, and on contended CPUs each class gets time in proportion to weight x demand / demand of its group.
 * That is weighted max-min fairness, found by splitting at the CPUs that are short (decomposition algorithm for
 * separable objectives on polymatroids; Groenevelt, "Two algorithms for maximizing a separable concave function over a
 * polymatroid feasible region", 1991).
 *
 * Not modelled: a thread that wakes up waits for the one that runs; threads are indivisible and costly to migrate; SMT;
 * a group whose threads mostly sleep has more of its weight where one is awake; emulator threads and iothreads.
 */
export function shareOut(groups: readonly CpuGroup[]): CpuPart[][] {
  const parts = groups.map(({ classes }) => classes.map(() => UNCONTENDED));
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
  /** By area, in the order of the areas. */
  readonly ofArea: readonly (readonly number[])[];
}

/** CPUs that belong to the same areas form one site. */
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

/** Level of each pool; infinite where its demand is fully served. */
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
    // Short areas get less than this level and use up their CPUs; the others share the rest at a higher level.
    for (const isShort of [true, false]) {
      open.push({
        areas: areas.filter((_, index) => short.loads.has(index) === isShort),
        among: among.filter((_, index) => short.sites.has(index) === isShort),
      });
    }
  }
  return levels;
}
