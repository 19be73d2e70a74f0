import type { Prometheus } from '../../../sampler/prometheus/prometheus.ts';
import type { Hours } from './demand.ts';
import { type ReadOptions, readHours } from './options.ts';
import { RAN, RESIDENT, type Selection, selector, VM_INFO, VM_SERIES, WAITED } from './queries.ts';
import { hostKey, Snapshot } from './snapshot.ts';
import type { Labels } from './storage.ts';

/** VMs of a host. */
export interface HostVms {
  /** Those that are there now, by name. */
  readonly now: ReadonlyMap<string, VmNow>;
  /** By UUID, also of VMs that were there earlier in the range. */
  readonly hours: ReadonlyMap<string, Hours>;
  /** The most resident memory over the range, in bytes. */
  readonly resident: ReadonlyMap<string, number>;
}

export interface VmNow {
  readonly uuid: string | undefined;
  readonly now: Snapshot;
  /** Of demand over the range, in CPUs squared. */
  readonly variance: number | undefined;
}

/** Seven queries for all VMs of these hosts. */
export async function readVms(
  prometheus: Prometheus,
  instances: readonly string[],
  options: ReadOptions,
): Promise<Map<string, HostVms>> {
  const { nowSeconds, rangeSeconds, job } = options;
  const on: Selection = { job, instances };
  const range = `${rangeSeconds}s`;
  const [ran, waited] = [selector([RAN], on), selector([WAITED], on)];
  const hosts = new Map<string, MutableVms>();
  const host = (labels: Labels): MutableVms => {
    const key = hostKey(labels);
    const found = hosts.get(key) ?? {
      now: new Map(),
      uuids: new Map(),
      hours: new Map(),
      resident: new Map(),
    };
    hosts.set(key, found);
    return found;
  };

  for (const series of await prometheus.instant(selector(VM_SERIES, on), nowSeconds)) {
    const { now } = host(series.labels);
    const { domain = '' } = series.labels;
    const vm = now.get(domain) ?? new Snapshot();
    now.set(domain, vm);
    vm.add(series);
  }
  // By name and UUID, also of VMs that have moved away; the UUID that a name has now comes first.
  const infos = [
    ...(await prometheus.instant(selector([VM_INFO], on), nowSeconds)),
    ...(await prometheus.instant(`last_over_time(${selector([VM_INFO], on)}[${range}])`, nowSeconds)),
  ];
  for (const { labels } of infos) {
    const { uuids } = host(labels);
    const { domain = '', uuid = '' } = labels;
    if (!uuids.has(domain)) uuids.set(domain, uuid);
  }
  const hours = readHours(options);
  const demand = `max by (cluster, job, instance, domain) (avg_over_time(${ran}[1h])) + max by (cluster, job, instance, domain) (avg_over_time(${waited}[1h]))`;
  for (const { labels, values } of await prometheus.range(demand, hours)) {
    const of = host(labels);
    const uuid = of.uuids.get(labels['domain'] ?? '');
    if (uuid === undefined) continue;
    const figures = new Float32Array(hours.count).fill(Number.NaN);
    for (const [at, value] of values)
      figures[Math.round((at - hours.startSeconds) / hours.stepSeconds)] = value;
    of.hours.set(uuid, figures);
  }
  for (const { labels, value } of await prometheus.instant(
    `max by (cluster, job, instance, domain) (max_over_time(${selector([RESIDENT], on)}[${range}]))`,
    nowSeconds,
  )) {
    const of = host(labels);
    const uuid = of.uuids.get(labels['domain'] ?? '');
    if (uuid !== undefined) of.resident.set(uuid, value);
  }
  const variances = new Map<string, number>();
  for (const { labels, value } of await prometheus.instant(
    `stdvar_over_time((max by (cluster, job, instance, domain) (${ran}) + max by (cluster, job, instance, domain) (${waited}))[${range}:5m])`,
    nowSeconds,
  )) {
    variances.set(JSON.stringify([hostKey(labels), labels['domain']]), value);
  }
  return new Map(
    [...hosts].map(([key, of]) => [
      key,
      {
        hours: of.hours,
        resident: of.resident,
        now: new Map(
          [...of.now].map(([name, now]) => [
            name,
            { uuid: of.uuids.get(name), now, variance: variances.get(JSON.stringify([key, name])) },
          ]),
        ),
      },
    ]),
  );
}

interface MutableVms {
  readonly now: Map<string, Snapshot>;
  readonly uuids: Map<string, string>;
  readonly hours: Map<string, Hours>;
  readonly resident: Map<string, number>;
}
