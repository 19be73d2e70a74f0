import { DISK_LABELS, HOST_LABELS, ON_HOST, ON_POOL, VM_LABELS } from '../../promql.ts';
import { recordedSeries } from '../recording.ts';
import { type AlertGroup, alert } from '../rule.ts';
import {
  busiestVmsOfHost,
  DISK,
  HOST,
  LASTING,
  NIC,
  POOL,
  SHARE,
  slowestDisksOfHost,
  VM,
  WHOLE,
} from '../text.ts';

const DAY_SECONDS = 86_400;

export const storageAlerts: AlertGroup = {
  name: 'storage',
  help: 'Slow, hung or failing disks, hosts that stall on I/O, storage pools that fill up, old snapshots, packet drops.',
  alerts: [
    alert({
      alert: 'DiskLatencyHigh',
      severity: 'warning',
      subject: 'vm',
      labels: ['target_device'],
      component: 'disk',
      for: '10m',
      thresholds: {
        seconds: {
          value: 0.05,
          unit: 'seconds',
          from: 'our choice: ten times a slow SSD, twice a busy hard disk',
        },
        requests: { value: 1, unit: 'per second', from: 'below it the mean covers too few requests' },
      },
      expr: ({ seconds, requests }, { recorded }) =>
        `${recorded('device:virtune_block_request_seconds:mean_rate5m')} > ${seconds} and ${recorded('device:virtune_block_requests:rate5m')} > ${requests}`,
      summary: () => `Request latency of ${DISK} of ${VM} on ${HOST} is ${LASTING}.`,
      description: () =>
        'Check other disks of the same pool. If they are slow too, it is the storage; otherwise check the load of this VM, I/O limits and cache mode.',
    }),
    alert({
      alert: 'HostDisksSlow',
      severity: 'warning',
      subject: 'host',
      component: 'disk',
      dependsOn: ['DiskLatencyHigh'],
      for: '5m',
      thresholds: {
        disks: { value: 5, unit: 'count', from: 'our choice: that many slow disks have a common cause' },
        vms: {
          value: 3,
          unit: 'count',
          from: 'our choice, as for disks that hang: disks of one VM share its limits and its load too',
        },
      },
      // Counts alerts of single disks, including pending ones: the host's alert fires before they do.
      // Each disk and VM once, whatever labels replicas of Prometheus add.
      expr: ({ disks, vms }, { alerts }) => {
        const slow = (by: string): string =>
          `count by (${HOST_LABELS}) (group by (${by}) (${alerts('DiskLatencyHigh')}))`;
        return `${slow(DISK_LABELS)} >= ${disks} and ${ON_HOST} ${slow(VM_LABELS)} >= ${vms}`;
      },
      summary: () => `${WHOLE} disks of VMs on ${HOST} have high request latency.`,
      description: () =>
        `The cause is the storage that they share, or its path, rather than one VM. Slowest:${slowestDisksOfHost(recordedSeries('device:virtune_block_request_seconds:mean_rate5m'))}. Check the health of the storage and its network, and the VM with the most requests.`,
    }),
    alert({
      alert: 'HostDisksHung',
      severity: 'critical',
      subject: 'host',
      labels: ['domain'],
      component: 'disk',
      for: '2m',
      thresholds: {
        vms: {
          value: 3,
          unit: 'count',
          from: 'our choice: one VM may be idle, three at once have a common cause',
        },
      },
      // Each VM once, whatever labels replicas of Prometheus add.
      expr: ({ vms }, { recorded }) =>
        `count by (${HOST_LABELS}) (group by (${VM_LABELS}) (${recorded('domain:virtune_block_requests_before_hang:rate5m')})) >= ${vms}`,
      summary: () => `The disks of ${WHOLE} VMs on ${HOST} have completed no request for 5 minutes.`,
      description: () =>
        `These VMs had requests constantly before, so their storage, or the path to it, hangs without an error. The busiest:${busiestVmsOfHost(recordedSeries('domain:virtune_block_requests_before_hang:rate5m'))}. Restore the path: the VMs then continue by themselves. Start none of them on another host before this one is off.`,
    }),
    alert({
      alert: 'HostIoStalled',
      severity: 'warning',
      subject: 'host',
      component: 'disk',
      for: '15m',
      thresholds: {
        full: { value: 0.2, unit: 'share', from: 'our choice: all tasks wait for I/O a fifth of the time' },
      },
      expr: ({ full }, { recorded }) =>
        `${recorded('instance:virtune_host_pressure:ratio_rate5m', 'resource="io"', 'share="full"')} > ${full}`,
      summary: () => `${HOST} stalls on I/O ${SHARE} of the time (PSI full).`,
      description: () =>
        'Find the VM with the most I/O, and check the health of the storage. Throttle the VM that saturates it.',
    }),
    alert({
      alert: 'DiskErrors',
      severity: 'warning',
      subject: 'vm',
      labels: ['target_device'],
      component: 'disk',
      for: '0s',
      thresholds: {},
      expr: (_, { range, metric }) =>
        `increase(${metric('libvirt_domain_block_stats_errors_total')}[${range('10m')}]) > 0 or increase(${metric('libvirt_domain_events_total', 'event="ioError"')}[${range('10m')}]) > 0`,
      summary: () =>
        `${VM} on ${HOST} has I/O errors{{ with $labels.target_device }} on disk {{ . }}{{ end }}.`,
      description: () =>
        'Depending on the error policy, QEMU pauses the VM or reports the error to the guest. Check whether the pool is full and the storage path is up.',
    }),
    alert({
      alert: 'ThinPoolOvercommit',
      severity: 'warning',
      subject: 'host',
      labels: ['storage_pool'],
      component: 'disk',
      for: '1h',
      thresholds: {
        ratio: {
          value: 1,
          unit: 'ratio',
          from: 'provisioned sizes exceed the pool, over all hosts that share it',
        },
        fullWithin: { value: DAY_SECONDS, unit: 'seconds', from: 'node-mixin: filling up within a day' },
      },
      // The ratio has only the host labels that identify it, so an override matches the other side.
      expr: ({ ratio, fullWithin }, { range, metric }) =>
        `${recordedSeries('pool:virtune_storage_pool_provisioned:ratio')} > ${ratio} and ${ON_POOL} predict_linear(${metric('libvirt_storage_pool_available_bytes')}[${range('6h')}], ${fullWithin}) <= 0`,
      summary: () =>
        `${POOL} of ${HOST} is overcommitted (${SHARE} provisioned) and is full or will be within a day.`,
      description: () =>
        'When it is full, every VM with a thin image in it pauses. Add space, move images, or discard blocks that guests have freed.',
    }),
    alert({
      alert: 'SnapshotTooOld',
      severity: 'info',
      subject: 'vm',
      component: 'snapshot',
      for: '1h',
      thresholds: {
        age: { value: 7 * DAY_SECONDS, unit: 'seconds', from: 'common practice: a snapshot is not a backup' },
      },
      expr: ({ age }, { metric }) =>
        `time() - ${metric('libvirt_domain_snapshot_oldest_timestamp_seconds')} > ${age}`,
      summary: () => `${VM} on ${HOST} has a snapshot that is ${LASTING} old.`,
      description: () =>
        'It uses space, slows writes and can block migration. Delete it; make a backup first if it is still needed.',
    }),
    alert({
      alert: 'BackingChainDeep',
      severity: 'info',
      subject: 'vm',
      labels: ['target_device'],
      component: 'snapshot',
      for: '1h',
      thresholds: {
        depth: { value: 3, unit: 'count', from: 'our choice: each backing image adds a lookup to reads' },
      },
      expr: ({ depth }, { metric }) =>
        `${metric('libvirt_domain_block_stats_backing_chain_depth')} > ${depth}`,
      summary: () => `${DISK} of ${VM} on ${HOST} has a backing chain of ${WHOLE} images.`,
      description: () =>
        'Reads may go through all of them, and losing one loses the disk. Shorten the chain with blockcommit or blockpull.',
    }),
    alert({
      alert: 'NicDrops',
      severity: 'warning',
      subject: 'vm',
      labels: ['target_device'],
      component: 'network',
      for: '15m',
      thresholds: {
        share: { value: 0.01, unit: 'share', from: "node-mixin's NodeNetworkReceiveErrs and TransmitErrs" },
        drops: {
          value: 1,
          unit: 'per second',
          from: 'our choice: an idle interface drops an occasional broadcast',
        },
      },
      expr: ({ share, drops }, { range, metric }) => {
        const both = (what: 'drops' | 'packets'): string =>
          `(rate(${metric(`libvirt_domain_interface_stats_receive_${what}_total`)}[${range('5m')}]) + rate(${metric(`libvirt_domain_interface_stats_transmit_${what}_total`)}[${range('5m')}]))`;
        // drops / (drops + packets), reading drops once: Linux' tap counts a packet when the guest receives it.
        return `1 / (1 + ${both('packets')} / (${both('drops')} > ${drops})) > ${share}`;
      },
      summary: () => `${NIC} of ${VM} on ${HOST} drops ${SHARE} of its packets.`,
      description: () =>
        'The guest or its vhost thread does not process packets in time. Check CPU steal of the VM, then queues and ring sizes.',
    }),
  ],
};
