import type { Prometheus } from '../../../sampler/prometheus/prometheus.ts';
import { PrometheusError } from '../../../sampler/prometheus/prometheus-error.ts';
import type { Fleet, FleetHost, FleetVm } from '../fleet.ts';
import { compare } from '../placement.ts';
import { inChunks, type Unread } from './chunks.ts';
import { type DemandProfile, type Hours, mergedHours, profileOf } from './demand.ts';
import { fleetHost, type HostFacts, hostFacts } from './host.ts';
import { type ReadOptions, readHours } from './options.ts';
import { CONTENTION, HOST_SERIES, RAN, selector } from './queries.ts';
import { type HostVms, readVms } from './read-vms.ts';
import { hostKey, Snapshot } from './snapshot.ts';
import { fleetVm, isActive, isRunning } from './vm.ts';

/** A host that is not part of the plan: neither its VMs move, nor do others move there. */
export interface LeftOut {
  readonly cluster: string;
  readonly instance: string;
  readonly reason: string;
}

export interface ReadFleet {
  readonly fleet: Fleet;
  readonly leftOut: readonly LeftOut[];
  /** What Prometheus warned of, such as a store of Thanos that did not answer. */
  readonly warnings: readonly string[];
}

/**
 * Reads hosts and VMs from the series of a Prometheus. A host of which something is missing is left out, with the reason: half of
 * its VMs would look like room.
 * @throws PrometheusError; PROMETHEUS_NO_SERIES where no host of virtune is there
 */
export async function readFleet(prometheus: Prometheus, options: ReadOptions): Promise<ReadFleet> {
  const { nowSeconds, rangeSeconds, job } = options;
  const hosts = await readHosts(prometheus, options);
  const range = `${rangeSeconds}s`;
  const seen = await prometheus.instant(
    `group by (cluster, job, instance) (last_over_time(${selector(['libvirt_host_cpus'], { job })}[${range}]))`,
    nowSeconds,
  );
  if (seen.length === 0) {
    throw new PrometheusError(
      'PROMETHEUS_NO_SERIES',
      `Prometheus at ${prometheus.address} has no host of virtune (libvirt_host_cpus) with a job like ${job} within ${range}; scrape virtune's exporters, or set --job`,
    );
  }
  const gone = seen.map(({ labels }) => hostKey(labels)).filter((id) => !hosts.has(id));
  const leftOut = new Map(gone.map((id) => [id, 'no series now: it is down, or was removed']));
  const contention = await byHost(prometheus, options);
  const instances = [...new Set([...hosts.keys()].map((id) => instanceOf(id)))].sort(compare);
  const unread: Unread[] = [];
  const vms = new Map<string, HostVms>();
  for await (const part of inChunks(instances, (chunk) => readVms(prometheus, chunk, options), unread)) {
    for (const [id, of] of part) vms.set(id, of);
  }
  for (const { instance, reason } of unread) {
    for (const id of hosts.keys()) if (instanceOf(id) === instance) leftOut.set(id, reason);
  }
  const profiles = demandOf(vms, options);
  const resident = residentOf(vms);
  const complete: FleetHost[] = [];
  for (const [id, now] of hosts) {
    if (leftOut.has(id)) continue;
    const facts = hostFacts(now);
    const built =
      typeof facts === 'string'
        ? facts
        : buildHost(id, now, facts, { vms: vms.get(id), profiles, resident, contention, options });
    if (typeof built === 'string') leftOut.set(id, built);
    else complete.push(built);
  }
  return {
    fleet: { hosts: complete },
    leftOut: [...leftOut]
      .map(([id, reason]) => ({ cluster: clusterOf(id), instance: instanceOf(id), reason }))
      .sort((a, b) => compare(a.cluster, b.cluster) || compare(a.instance, b.instance)),
    warnings: [...prometheus.warnings],
  };
}

const clusterOf = (id: string): string => (JSON.parse(id) as [string])[0];
const instanceOf = (id: string): string => (JSON.parse(id) as [string, string, string])[2];

async function readHosts(
  prometheus: Prometheus,
  { nowSeconds, job }: ReadOptions,
): Promise<Map<string, Snapshot>> {
  const hosts = new Map<string, Snapshot>();
  for (const name of HOST_SERIES) {
    for (const series of await prometheus.instant(selector([name], { job }), nowSeconds)) {
      const id = hostKey(series.labels);
      const host = hosts.get(id) ?? new Snapshot();
      hosts.set(id, host);
      host.add(series);
    }
  }
  // Only maintenance is kept of a host that is gone.
  for (const [id, host] of hosts) if (host.labels('libvirt_host_cpus').length === 0) hosts.delete(id);
  return hosts;
}

/** Measured contention, mean over the last hour. */
async function byHost(
  prometheus: Prometheus,
  { nowSeconds, job }: ReadOptions,
): Promise<Map<string, number>> {
  const series = await prometheus.instant(
    `max by (cluster, job, instance) (avg_over_time(${selector([CONTENTION], { job })}[1h]))`,
    nowSeconds,
  );
  return new Map(series.map(({ labels, value }) => [hostKey(labels), value]));
}

interface Built {
  readonly vms: HostVms | undefined;
  readonly profiles: ReadonlyMap<string, DemandProfile>;
  readonly resident: ReadonlyMap<string, number>;
  readonly contention: ReadonlyMap<string, number>;
  readonly options: ReadOptions;
}

function buildHost(
  id: string,
  now: Snapshot,
  facts: HostFacts,
  { vms, profiles, resident, contention, options }: Built,
): FleetHost | string {
  const built: FleetVm[] = [];
  let residentNowBytes = 0;
  for (const [name, { uuid, now: vm, variance }] of vms?.now ?? []) {
    if (!isActive(vm)) continue;
    if (uuid === undefined) return `no series libvirt_domain_info of VM ${JSON.stringify(name)}`;
    const profile = profiles.get(uuid);
    const idle = { demandCpus: new Float32Array(24), hoursKnown: 0, varianceBetweenHours: 0 };
    if (profile === undefined && isRunning(vm)) {
      return `no CPU figures of VM ${JSON.stringify(name)} (${RAN}): are the recording rules loaded, and the group vcpu on?`;
    }
    const made = fleetVm({
      uuid,
      name,
      now: vm,
      // A VM that is paused has no demand, and keeps its memory.
      demand: isRunning(vm) ? (profile ?? idle) : idle,
      variance,
      residentBytes: resident.get(uuid),
      isHostSwapping: facts.isSwapping,
      pools: facts.pools,
      sharedStorage: options.sharedStorage,
    });
    if (typeof made === 'string') return `no series ${made} of VM ${JSON.stringify(name)}`;
    built.push(made);
    residentNowBytes += vm.value('libvirt_domain_memory_stats_rss_bytes') ?? 0;
  }
  return fleetHost(id, now, facts, built, residentNowBytes, contention.get(id));
}

/** Demand by UUID: of a VM that was on several hosts, all of it. */
function demandOf(vms: ReadonlyMap<string, HostVms>, options: ReadOptions): Map<string, DemandProfile> {
  const hours = new Map<string, Hours[]>();
  for (const of of vms.values()) {
    for (const [uuid, part] of of.hours) {
      const parts = hours.get(uuid);
      if (parts === undefined) hours.set(uuid, [part]);
      else parts.push(part);
    }
  }
  const { firstHour } = readHours(options);
  const profiles = new Map<string, DemandProfile>();
  for (const [uuid, parts] of hours) {
    const profile = profileOf(parts.length === 1 ? (parts[0] as Hours) : mergedHours(parts), firstHour);
    if (profile !== undefined) profiles.set(uuid, profile);
  }
  return profiles;
}

function residentOf(vms: ReadonlyMap<string, HostVms>): Map<string, number> {
  const most = new Map<string, number>();
  for (const of of vms.values()) {
    for (const [uuid, bytes] of of.resident) most.set(uuid, Math.max(most.get(uuid) ?? 0, bytes));
  }
  return most;
}
