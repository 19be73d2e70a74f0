import { DISK_LABELS, ON_DISK } from '../../promql.ts';
import { LEGEND } from '../legends.ts';
import { limitsOf } from '../limits.ts';
import { rowToVm, seriesToVm } from '../links.ts';
import { type Page, page } from '../page.ts';
import { density, graph } from '../panels.ts';
import { newestOf, of } from '../query.ts';
import { byRequestLatency } from '../shared-limits.ts';
import { POOL_STATES } from '../states.ts';
import { rows } from '../table.ts';

const MEAN = of('device:virtune_block_request_seconds:mean_rate5m');
const REQUESTS = of('device:virtune_block_requests:rate5m');
const INFO = newestOf(DISK_LABELS, of('libvirt_domain_block_stats_info'));
const CAPACITY = of('libvirt_storage_pool_capacity_bytes');
const ALLOCATED = of('libvirt_storage_pool_allocation_bytes');
const AVAILABLE = of('libvirt_storage_pool_available_bytes');

export function storagePage(): Page {
  return page({
    name: 'storage',
    title: 'KVM storage',
    scope: 'host',
    help: 'Disk request latency by cache mode and image format, storage pool usage, I/O errors, backing chains and snapshots.',
    rows: [
      { title: 'Latency', panels: [slowest(), spread(), byCache(), byFormat()] },
      { title: 'Storage pools', panels: [poolUse(), poolOvercommit(), pools()] },
      { title: 'Errors, backing chains and snapshots', panels: [ioErrors(), chains(), snapshots()] },
    ],
  });
}

const slowest = () =>
  graph({
    title: 'Slowest disks',
    help: 'Mean request latency. The ten slowest disks with more than one request per second.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, ${MEAN} and ${REQUESTS} > 1)`,
        legend: LEGEND.device,
      },
    ],
    limits: byRequestLatency(),
    links: [seriesToVm()],
  });

const spread = () =>
  density({
    title: 'Latency distribution of disks',
    help: 'Number of disks by mean request latency. A second, higher band means that the storage is slow for some disks.',
    unit: 's',
    queries: [{ expr: MEAN }],
    buckets: false,
  });

/** Weighted by requests, as seen by the storage. */
const meanBy = (label: 'cache' | 'driver_type'): string => {
  const joined = (what: string): string =>
    `sum by (${label}) (${what} * ${ON_DISK} group_left (${label}) label_replace(${INFO}, "${label}", "default", "${label}", ""))`;
  return `${joined(`(${MEAN} * ${REQUESTS})`)} / (${joined(REQUESTS)} > 0)`;
};

const byCache = () =>
  graph({
    title: 'Request latency by cache mode',
    help: 'Mean over all disks with that cache mode. default (not set in the XML) means writeback. writeback looks fast until the host has to flush.',
    unit: 's',
    queries: [{ expr: meanBy('cache'), legend: '{{cache}}' }],
  });

const byFormat = () =>
  graph({
    title: 'Request latency by image format',
    help: 'Mean over all disks with that image format.',
    unit: 's',
    queries: [{ expr: meanBy('driver_type'), legend: '{{driver_type}}' }],
  });

const poolUse = () =>
  graph({
    title: 'Pool utilization',
    help: 'Allocated share of each pool, excluding what its file system reserves for root: at 100 %, QEMU gets no more space.',
    unit: 'percentunit',
    queries: [
      {
        expr: `${ALLOCATED} / (${ALLOCATED} + ${AVAILABLE} > 0)`,
        legend: `{{storage_pool}} ${LEGEND.host}`,
      },
    ],
    max: 1,
  });

const poolOvercommit = () =>
  graph({
    title: 'Pool overcommit',
    help: 'Provisioned size of VM images / pool capacity; for shared storage, of the images of all hosts. Above 100 %, the pool can fill up.',
    unit: 'percentunit',
    queries: [
      {
        expr: of('pool:virtune_storage_pool_provisioned:ratio'),
        legend: `{{storage_pool}} ${LEGEND.host}`,
      },
    ],
    limits: limitsOf('green', ['orange', 'ThinPoolOvercommit', 'ratio']),
  });

const pools = () =>
  rows({
    title: 'Storage pools',
    help: 'State, capacity, available and provisioned space.',
    labels: ['storage_pool'],
    columns: [
      { title: 'state', expr: of('libvirt_storage_pool_state'), unit: 'none', words: POOL_STATES },
      { title: 'capacity', expr: CAPACITY, unit: 'bytes' },
      { title: 'available', expr: AVAILABLE, unit: 'bytes' },
      { title: 'provisioned', expr: of('libvirt_storage_pool_provisioned_bytes'), unit: 'bytes' },
    ],
    height: 7,
  });

const ioErrors = () =>
  graph({
    title: 'I/O errors (1 h)',
    help: 'I/O error events reported by libvirt within the last hour, by VM.',
    unit: 'short',
    queries: [
      {
        expr: `increase(${of('libvirt_domain_events_total', 'event="ioError"')}[1h]) > 0`,
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
    span: 8,
    height: 9,
  });

const chains = () =>
  rows({
    title: 'Deepest backing chains',
    help: 'Backing images of each disk. A read may go through all of them.',
    labels: ['domain', 'target_device'],
    columns: [
      {
        title: 'backing images',
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
    help: 'VMs with snapshots: number of snapshots, and age of the oldest.',
    labels: ['domain'],
    columns: [
      { title: 'snapshots', expr: of('libvirt_domain_snapshots'), unit: 'none' },
      {
        title: 'oldest',
        expr: `time() - ${of('libvirt_domain_snapshot_oldest_timestamp_seconds')}`,
        unit: 's',
        limits: limitsOf('green', ['orange', 'SnapshotTooOld', 'age']).build(),
      },
    ],
    links: { domain: rowToVm() },
    span: 8,
  });
