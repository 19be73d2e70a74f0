import { metric } from '../../promql.ts';
import { recorded } from '../recording.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { DISK, HOST, LASTING, NIC, POOL, SHARE, VM, WHOLE } from '../text.ts';

const DAY_SECONDS = 86_400;

export const storageAlerts: AlertGroup = {
  name: 'storage',
  help: 'Disks that are slow or fail, pools that fill up, snapshots that stay, interfaces that drop.',
  alerts: [
    alert({
      alert: 'DiskLatencyHigh',
      severity: 'warning',
      component: 'disk',
      for: '10m',
      thresholds: {
        seconds: {
          value: 0.05,
          unit: 'seconds',
          from: 'ours: ten times a slow SSD, and twice a busy hard disk',
        },
        requests: { value: 1, unit: 'per second', from: 'below it the mean is of a few requests' },
      },
      expr: ({ seconds, requests }) =>
        `${recorded('device:virtune_block_request_seconds:mean_rate5m')} > ${seconds} and ${recorded('device:virtune_block_requests:rate5m')} > ${requests}`,
      summary: () => `${DISK} of ${VM} on ${HOST} takes ${LASTING} for a request.`,
      description: () =>
        'See whether other disks of the same pool are slow too: then it is the storage, else this VM or its limits and cache mode.',
    }),
    alert({
      alert: 'DiskErrors',
      severity: 'warning',
      component: 'disk',
      for: '0s',
      thresholds: {},
      expr: (_, { range }) =>
        `increase(${metric('libvirt_domain_block_stats_errors_total')}[${range('10m')}]) > 0 or increase(${metric('libvirt_domain_events_total', 'event="ioError"')}[${range('10m')}]) > 0`,
      summary: () =>
        `${VM} on ${HOST} has I/O errors{{ with $labels.target_device }} on disk {{ . }}{{ end }}.`,
      description: () =>
        'By its disk policy QEMU pauses the VM or tells the guest. See whether the pool is full and the path to the storage up.',
    }),
    alert({
      alert: 'ThinPoolOvercommit',
      severity: 'warning',
      component: 'disk',
      for: '1h',
      thresholds: {
        ratio: { value: 1, unit: 'ratio', from: 'more is promised than there is' },
        fullWithin: { value: DAY_SECONDS, unit: 'seconds', from: 'node-mixin: filling up within a day' },
      },
      expr: ({ ratio, fullWithin }, { range }) =>
        `${metric('libvirt_storage_pool_provisioned_bytes')} / ${metric('libvirt_storage_pool_capacity_bytes')} > ${ratio} and predict_linear(${metric('libvirt_storage_pool_available_bytes')}[${range('6h')}], ${fullWithin}) <= 0`,
      summary: () =>
        `${POOL} of ${HOST} has promised ${SHARE} of its size and is full, or will be within a day.`,
      description: () =>
        'Then every VM with a growing image in it pauses. Add space, move images, or discard what guests have freed.',
    }),
    alert({
      alert: 'SnapshotTooOld',
      severity: 'info',
      component: 'snapshot',
      for: '1h',
      thresholds: {
        age: { value: 7 * DAY_SECONDS, unit: 'seconds', from: 'the book: a snapshot is no backup' },
      },
      expr: ({ age }) => `time() - ${metric('libvirt_domain_snapshot_oldest_timestamp_seconds')} > ${age}`,
      summary: () => `${VM} on ${HOST} has a snapshot from ${LASTING} ago.`,
      description: () =>
        'It holds space, slows writes, and hinders migration. Delete it, or make a backup of it first.',
    }),
    alert({
      alert: 'BackingChainDeep',
      severity: 'info',
      component: 'snapshot',
      for: '1h',
      thresholds: {
        depth: { value: 3, unit: 'count', from: 'ours: each image below costs reads a look-up' },
      },
      expr: ({ depth }) => `${metric('libvirt_domain_block_stats_backing_chain_depth')} > ${depth}`,
      summary: () => `${DISK} of ${VM} on ${HOST} stands on ${WHOLE} images.`,
      description: () =>
        'Reads go through all of them, and one that is lost loses the disk. Commit or pull the chain together.',
    }),
    alert({
      alert: 'NicDrops',
      severity: 'warning',
      component: 'network',
      for: '15m',
      thresholds: {
        share: { value: 0.01, unit: 'share', from: "node-mixin's NodeNetworkReceiveErrs and TransmitErrs" },
        drops: {
          value: 1,
          unit: 'per second',
          from: 'ours: an idle interface drops a broadcast now and then',
        },
      },
      expr: ({ share, drops }, { range }) => {
        const both = (what: 'drops' | 'packets'): string =>
          `(rate(${metric(`libvirt_domain_interface_stats_receive_${what}_total`)}[${range('5m')}]) + rate(${metric(`libvirt_domain_interface_stats_transmit_${what}_total`)}[${range('5m')}]))`;
        return `${both('drops')} / ${both('packets')} > ${share} and ${both('drops')} > ${drops}`;
      },
      summary: () => `${NIC} of ${VM} on ${HOST} drops ${SHARE} of its packets.`,
      description: () =>
        'The guest or its vhost thread does not take them in time. See whether its vCPUs wait, then queues and ring sizes.',
    }),
  ],
};
