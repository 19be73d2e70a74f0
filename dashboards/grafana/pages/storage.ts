import { limitsOf } from '../limits.ts';
import { rowToVm, seriesToVm } from '../links.ts';
import { type Page, page } from '../page.ts';
import { density, graph } from '../panels.ts';
import { of } from '../query.ts';
import { POOL_STATES } from '../states.ts';
import { rows } from '../table.ts';

const MEAN = of('device:virtune_block_request_seconds:mean_rate5m');
const REQUESTS = of('device:virtune_block_requests:rate5m');
const INFO = of('libvirt_domain_block_stats_info');
const BY_DISK = 'on (job, instance, domain, target_device)';
const CAPACITY = of('libvirt_storage_pool_capacity_bytes');
const byLatency = () => limitsOf('green', ['orange', 'DiskLatencyHigh', 'seconds']);

export function storagePage(): Page {
  return page({
    name: 'storage',
    title: 'KVM storage',
    help: 'How long disks take, by cache mode and format; pools that fill up; chains and snapshots that stay.',
    rows: [
      { title: 'Latency', panels: [slowest(), spread(), byCache(), byFormat()] },
      { title: 'Pools', panels: [poolUse(), poolPromise(), pools()] },
      { title: 'What slows or stops', panels: [ioErrors(), chains(), snapshots()] },
    ],
  });
}

const slowest = () =>
  graph({
    title: 'Slowest disks',
    help: 'Mean time of a read or write of the ten slowest disks with more than one request a second.',
    unit: 's',
    queries: [
      { expr: `topk(10, ${MEAN} and ${REQUESTS} > 1)`, legend: '{{domain}} {{target_device}} {{instance}}' },
    ],
    limits: byLatency(),
    links: [seriesToVm()],
  });

const spread = () =>
  density({
    title: 'All disks',
    help: 'How many disks have which mean time of a request: a second band above the first is storage that is slow for some.',
    unit: 's',
    queries: [{ expr: MEAN }],
    buckets: false,
  });

/** Weighed by requests, as the storage sees them. */
const meanBy = (label: 'cache' | 'driver_type'): string => {
  const joined = (what: string): string =>
    `sum by (${label}) (${what} * ${BY_DISK} group_left (${label}) label_replace(${INFO}, "${label}", "default", "${label}", ""))`;
  return `${joined(`(${MEAN} * ${REQUESTS})`)} / (${joined(REQUESTS)} > 0)`;
};

const byCache = () =>
  graph({
    title: 'Time of a request, by cache mode',
    help: 'Mean over all disks with that cache mode; what the XML does not say is writeback. writeback looks fast until the host must write.',
    unit: 's',
    queries: [{ expr: meanBy('cache'), legend: '{{cache}}' }],
  });

const byFormat = () =>
  graph({
    title: 'Time of a request, by image format',
    help: 'Mean over all disks with that format of image.',
    unit: 's',
    queries: [{ expr: meanBy('driver_type'), legend: '{{driver_type}}' }],
  });

const poolUse = () =>
  graph({
    title: 'Pools in use',
    help: 'Share of each pool that is taken.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${of('libvirt_storage_pool_allocation_bytes')} / ${CAPACITY}`,
        legend: '{{storage_pool}} {{instance}}',
      },
    ],
    max: 1,
  });

const poolPromise = () =>
  graph({
    title: 'Pools promised',
    help: 'What images of VMs may grow to, as a share of the pool. Above 100 % it is full some day unless somebody looks.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${of('libvirt_storage_pool_provisioned_bytes')} / ${CAPACITY}`,
        legend: '{{storage_pool}} {{instance}}',
      },
    ],
    limits: limitsOf('green', ['orange', 'ThinPoolOvercommit', 'ratio']),
  });

const pools = () =>
  rows({
    title: 'Pools',
    help: 'State, size, what is left, and what is promised.',
    labels: ['storage_pool', 'instance'],
    columns: [
      { title: 'state', expr: of('libvirt_storage_pool_state'), unit: 'none', words: POOL_STATES },
      { title: 'size', expr: CAPACITY, unit: 'bytes' },
      { title: 'left', expr: of('libvirt_storage_pool_available_bytes'), unit: 'bytes' },
      { title: 'promised', expr: of('libvirt_storage_pool_provisioned_bytes'), unit: 'bytes' },
    ],
    height: 7,
  });

const ioErrors = () =>
  graph({
    title: 'I/O errors',
    help: 'Errors that libvirt reported within the last hour, by VM.',
    unit: 'short',
    queries: [
      {
        expr: `increase(${of('libvirt_domain_events_total', 'event="ioError"')}[1h]) > 0`,
        legend: '{{domain}} {{instance}}',
      },
    ],
    links: [seriesToVm()],
    span: 8,
    height: 9,
  });

const chains = () =>
  rows({
    title: 'Deepest backing chains',
    help: 'Images below the one that the guest writes to; a read may go through all of them.',
    labels: ['domain', 'target_device', 'instance'],
    columns: [
      {
        title: 'images below',
        expr: `topk(20, ${of('libvirt_domain_block_stats_backing_chain_depth')} > 0)`,
        unit: 'none',
        limits: limitsOf('green', ['orange', 'BackingChainDeep', 'depth']).build(),
      },
    ],
    links: { domain: rowToVm() },
    span: 8,
  });

const snapshots = () =>
  rows({
    title: 'Oldest snapshots',
    help: 'VMs with snapshots: how many, and how old the oldest is.',
    labels: ['domain', 'instance'],
    columns: [
      { title: 'snapshots', expr: of('libvirt_domain_snapshots'), unit: 'none' },
      {
        title: 'age',
        expr: `time() - ${of('libvirt_domain_snapshot_oldest_timestamp_seconds')}`,
        unit: 's',
        limits: limitsOf('green', ['orange', 'SnapshotTooOld', 'age']).build(),
      },
    ],
    links: { domain: rowToVm() },
    span: 8,
  });
