import type { Prometheus } from '../../../sampler/prometheus/prometheus.ts';
import { type DemandProfile, type Hours, profileOf } from './demand.ts';
import { hostId } from './host-id.ts';
import { type ReadOptions, readHours } from './options.ts';
import { RAN, RESIDENT, type Selection, selector, VM_INFO, VM_SERIES, WAITED } from './queries.ts';
import { Snapshot } from './snapshot.ts';
import type { HostPool, Labels } from './storage.ts';
import { type VmFacts, vmFacts } from './vm.ts';

/** VMs of a host. */
export interface HostVms {
  /** VMs that currently have memory there; a text is the name of a missing series. */
  readonly vms: readonly VmNow[];
  /** Demand by UUID, also of VMs that were there earlier: a profile if all hours are known, else by hour. */
  readonly demand: ReadonlyMap<string, Hours | DemandProfile>;
  /** The most resident memory over the range, in bytes, by UUID. */
  readonly resident: ReadonlyMap<string, number>;
}

export interface VmNow {
  readonly name: string;
  readonly uuid: string | undefined;
  readonly facts: VmFacts | string;
  /** Variance of demand over the range, in CPUs squared. */
  readonly variance: number | undefined;
}

interface MutableVms {
  readonly now: Map<string, Snapshot>;
  readonly uuids: Map<string, string>;
  readonly demand: Map<string, Hours | DemandProfile>;
  readonly resident: Map<string, number>;
  readonly variances: Map<string, number>;
}

/**
 * Seven queries for all VMs of these hosts.
 * @param poolsOf shared storage pools of a host
 */
export async function readVms(
  prometheus: Prometheus,
  instances: readonly string[],
  poolsOf: (id: string) => readonly HostPool[],
  options: ReadOptions,
): Promise<Map<string, HostVms>> {
  const { nowSeconds, rangeSeconds, job, clusterLabel } = options;
  const on: Selection = { job, instances };
  const range = `${rangeSeconds}s`;
  const hosts = new Map<string, MutableVms>();
  const host = (labels: Labels): MutableVms => {
    const id = hostId(labels, clusterLabel);
    const found = hosts.get(id) ?? {
      now: new Map(),
      uuids: new Map(),
      demand: new Map(),
      resident: new Map(),
      variances: new Map(),
    };
    hosts.set(id, found);
    return found;
  };
  const byVm = (vector: string): string => `max by (${clusterLabel}, job, instance, domain) (${vector})`;
  const ask = (query: string) => prometheus.instant(query, nowSeconds);

  for (const series of await ask(selector(VM_SERIES, on))) {
    const { now } = host(series.labels);
    const { domain = '' } = series.labels;
    const vm = now.get(domain) ?? new Snapshot();
    now.set(domain, vm);
    vm.add(series);
  }
  // By name, including VMs that have moved away; the current UUID of a name takes precedence.
  const info = selector([VM_INFO], on);
  for (const { labels } of [...(await ask(info)), ...(await ask(`last_over_time(${info}[${range}])`))]) {
    const { uuids } = host(labels);
    const { domain = '', uuid = '' } = labels;
    if (!uuids.has(domain)) uuids.set(domain, uuid);
  }
  const hours = readHours(options);
  const [ran, waited] = [selector([RAN], on), selector([WAITED], on)];
  const demand = [ran, waited].map((each) => byVm(`avg_over_time(${each}[1h])`)).join(' + ');
  for (const { labels, values } of await prometheus.range(demand, hours)) {
    const of = host(labels);
    const uuid = of.uuids.get(labels['domain'] ?? '');
    if (uuid === undefined) continue;
    const figures = new Float32Array(hours.count).fill(Number.NaN);
    for (const [at, value] of values) {
      figures[Math.round((at - hours.startSeconds) / hours.stepSeconds)] = value;
    }
    // A VM that was here all the time has no hours elsewhere: a profile takes a seventh of its week's memory.
    const isWhole = !figures.some(Number.isNaN);
    of.demand.set(uuid, (isWhole ? profileOf(figures, hours.firstHour) : undefined) ?? figures);
  }
  for (const { labels, value } of await ask(byVm(`max_over_time(${selector([RESIDENT], on)}[${range}])`))) {
    const of = host(labels);
    const uuid = of.uuids.get(labels['domain'] ?? '');
    if (uuid !== undefined) of.resident.set(uuid, value);
  }
  for (const { labels, value } of await ask(
    `stdvar_over_time((${byVm(ran)} + ${byVm(waited)})[${range}:5m])`,
  )) {
    host(labels).variances.set(labels['domain'] ?? '', value);
  }
  return new Map(
    [...hosts].map(([id, of]) => [
      id,
      { vms: vmsOf(of, poolsOf(id), options), demand: of.demand, resident: of.resident },
    ]),
  );
}

function vmsOf(of: MutableVms, pools: readonly HostPool[], options: ReadOptions): VmNow[] {
  return [...of.now].flatMap(([name, now]) => {
    const facts = vmFacts(now, pools, options);
    return facts === undefined
      ? []
      : [{ name, uuid: of.uuids.get(name), facts, variance: of.variances.get(name) }];
  });
}
