import { formatSeconds } from '../../../model/duration.ts';
import type { Prometheus } from '../../../sampler/prometheus/prometheus.ts';
import { PrometheusError } from '../../../sampler/prometheus/prometheus-error.ts';
import type { Fleet, FleetHost, FleetVm } from '../fleet.ts';
import { compare } from '../placement.ts';
import { inChunks, type Unread } from './chunks.ts';
import { historyOf } from './history.ts';
import { fleetHost, type HostFacts, hostFacts } from './host.ts';
import { hostId, partsOf } from './host-id.ts';
import type { ReadOptions } from './options.ts';
import { CONTENTION, HOST_SERIES, RAN, SHORTFALL, selector } from './queries.ts';
import { type HostVms, readVms } from './read-vms.ts';
import { Snapshot } from './snapshot.ts';
import { fleetVm, type VmHistory } from './vm.ts';

/** A host that is excluded from the plan: its VMs do not move, and none move there. */
export interface LeftOut {
  readonly cluster: string;
  readonly instance: string;
  readonly reason: string;
}

export interface ReadFleet {
  readonly fleet: Fleet;
  readonly leftOut: readonly LeftOut[];
  /** Warnings from Prometheus, such as a Thanos store that did not answer. */
  readonly warnings: readonly string[];
}

/**
 * Reads hosts and VMs from the series of a Prometheus. A host with missing data is left out, with the reason: if half
 * of its VMs were missing, it would seem to have room.
 * @throws PrometheusError; PROMETHEUS_NO_SERIES without any host of virtune
 */
export async function readFleet(prometheus: Prometheus, options: ReadOptions): Promise<ReadFleet> {
  const snapshots = await readHosts(prometheus, options);
  const leftOut = new Map<string, string>();
  for (const id of await hostsSeen(prometheus, options)) {
    if (!snapshots.has(id)) leftOut.set(id, 'no series now: it is down, or was removed');
  }
  const facts = new Map<string, HostFacts>();
  for (const [id, now] of snapshots) {
    const of = hostFacts(now);
    if (typeof of === 'string') leftOut.set(id, of);
    else facts.set(id, of);
  }
  const contention = await lastHourOf(CONTENTION, prometheus, options);
  const shortfallCpus = await lastHourOf(SHORTFALL, prometheus, options);
  // VMs of all hosts, since one may have moved from a host that is left out.
  const vms = await readAllVms(prometheus, snapshots, facts, leftOut, options);
  const historyFor = historyOf(vms.values(), options);
  const hosts: FleetHost[] = [];
  for (const [id, of] of facts) {
    if (leftOut.has(id)) continue;
    const built = vmsOn(vms.get(id), of, historyFor);
    if (typeof built === 'string') {
      leftOut.set(id, built);
      continue;
    }
    const residentBytes = (vms.get(id)?.vms ?? []).reduce(
      (sum, vm) => sum + (typeof vm.facts === 'string' ? 0 : (vm.facts.residentBytes ?? 0)),
      0,
    );
    const now = snapshots.get(id) as Snapshot;
    const measured = { contention: contention.get(id), shortfallCpus: shortfallCpus.get(id) };
    hosts.push(fleetHost(id, now, of, built, residentBytes, measured));
  }
  return {
    fleet: { hosts },
    leftOut: [...leftOut]
      .map(([id, reason]) => ({ ...partsOf(id), reason }))
      .sort((a, b) => compare(a.cluster, b.cluster) || compare(a.instance, b.instance)),
    warnings: [...prometheus.warnings],
  };
}

async function readHosts(
  prometheus: Prometheus,
  { nowSeconds, job, clusterLabel }: ReadOptions,
): Promise<Map<string, Snapshot>> {
  const hosts = new Map<string, Snapshot>();
  for (const name of HOST_SERIES) {
    for (const series of await prometheus.instant(selector([name], { job }), nowSeconds)) {
      const id = hostId(series.labels, clusterLabel);
      const host = hosts.get(id) ?? new Snapshot();
      hosts.set(id, host);
      host.add(series);
    }
  }
  // A host that is gone has nothing left but its maintenance series.
  for (const [id, host] of hosts) if (host.labels('libvirt_host_cpus').length === 0) hosts.delete(id);
  return hosts;
}

/** All hosts seen within the range. */
async function hostsSeen(
  prometheus: Prometheus,
  { nowSeconds, rangeSeconds, job, clusterLabel }: ReadOptions,
): Promise<string[]> {
  const seen = await prometheus.instant(
    `group by (${clusterLabel}, job, instance) (last_over_time(${selector(['libvirt_host_cpus'], { job })}[${rangeSeconds}s]))`,
    nowSeconds,
  );
  if (seen.length === 0) {
    throw new PrometheusError(
      'PROMETHEUS_NO_SERIES',
      `Prometheus at ${prometheus.address} has no virtune host (libvirt_host_cpus) with a job that matches ${job} within ${formatSeconds(rangeSeconds)}; scrape virtune's exporters, or set --job`,
    );
  }
  return seen.map(({ labels }) => hostId(labels, clusterLabel));
}

/** What the rules record about hosts, mean over the last hour. */
async function lastHourOf(
  name: typeof CONTENTION | typeof SHORTFALL,
  prometheus: Prometheus,
  { nowSeconds, job, clusterLabel }: ReadOptions,
): Promise<Map<string, number>> {
  const series = await prometheus.instant(
    `max by (${clusterLabel}, job, instance) (avg_over_time(${selector([name], { job })}[1h]))`,
    nowSeconds,
  );
  return new Map(series.map(({ labels, value }) => [hostId(labels, clusterLabel), value]));
}

async function readAllVms(
  prometheus: Prometheus,
  snapshots: ReadonlyMap<string, Snapshot>,
  facts: ReadonlyMap<string, HostFacts>,
  leftOut: Map<string, string>,
  options: ReadOptions,
): Promise<Map<string, HostVms>> {
  const instances = [...new Set([...snapshots.keys()].map((id) => partsOf(id).instance))].sort(compare);
  const unread: Unread[] = [];
  const vms = new Map<string, HostVms>();
  const read = (chunk: readonly string[]) =>
    readVms(prometheus, chunk, (id) => facts.get(id)?.pools ?? [], options);
  for await (const part of inChunks(instances, read, unread)) {
    for (const [id, of] of part) vms.set(id, of);
  }
  const reasons = new Map(unread.map(({ instance, reason }) => [instance, reason]));
  for (const id of snapshots.keys()) {
    const reason = reasons.get(partsOf(id).instance);
    if (reason !== undefined) leftOut.set(id, reason);
  }
  return vms;
}

/** All VMs of a host, or what is missing. */
function vmsOn(
  of: HostVms | undefined,
  { isSwapping }: HostFacts,
  historyFor: (uuid: string, variance: number | undefined) => VmHistory,
): FleetVm[] | string {
  const built: FleetVm[] = [];
  for (const { name, uuid, facts, variance } of of?.vms ?? []) {
    const text = JSON.stringify(name);
    if (typeof facts === 'string') return `no series ${facts} of VM ${text}`;
    if (uuid === undefined) return `no series libvirt_domain_info of VM ${text}`;
    const vm = fleetVm({ uuid, name }, facts, historyFor(uuid, variance), isSwapping);
    if (vm === undefined) {
      return `no CPU figures of VM ${text} (${RAN}): are the recording rules loaded, and the group vcpu on?`;
    }
    built.push(vm);
  }
  return built;
}
