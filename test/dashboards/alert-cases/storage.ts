import { type AlertCase, firing, series } from './case.ts';

const disk = (what: string, domain = 'db1'): string =>
  `libvirt_domain_block_stats_${what}{job="virtune", instance="kvm1", domain="${domain}", target_device="vda"}`;
const nic = (what: string, domain = 'web1'): string =>
  `libvirt_domain_interface_stats_${what}_total{job="virtune", instance="kvm1", domain="${domain}", target_device="vnet0"}`;

/** 60 requests per minute, each of which takes 20 ms, then 80, then 20 again. */
const REQUESTS = {
  [disk('read_requests_total')]: '0+60x70',
  [disk('write_requests_total')]: '0+60x70',
  [disk('read_time_seconds_total')]: '0+1.2x10 12+4.8x30 156+1.2x30',
  [disk('write_time_seconds_total')]: '0+1.2x10 12+4.8x30 156+1.2x30',
};

/** This many requests per second until `minute`, none from then until the second minute. */
function hungBetween(
  minute: number,
  until: number,
  domain: string,
  perSecond: number,
): Record<string, string> {
  const perMinute = 60 * perSecond;
  const upTo = perMinute * minute;
  return {
    [disk('read_requests_total', domain)]:
      `0+${perMinute}x${minute} ${upTo}+0x${until - minute - 1} ${upTo}+${perMinute}x60`,
    [disk('write_requests_total', domain)]: `0+0x${until + 60}`,
    [series('libvirt_domain_info_state', `domain="${domain}", state_desc="running"`)]: `1+0x${until + 60}`,
  };
}

/** Two requests per second that take this many seconds each until this minute, and a millisecond afterwards. */
function slowUntil(
  minute: number,
  instance: string,
  domain: string,
  seconds: number,
  cluster = 'a',
): Record<string, string> {
  const of = (what: string): string =>
    `libvirt_domain_block_stats_${what}{job="virtune", cluster="${cluster}", instance="${instance}", domain="${domain}", target_device="vda"}`;
  const perMinute = 120 * seconds;
  return {
    [of('read_requests_total')]: '0+120x60',
    [of('write_requests_total')]: '0+0x60',
    [of('read_time_seconds_total')]:
      `0+${perMinute}x${minute} ${minute * perMinute + 0.12}+0.12x${60 - minute}`,
    [of('write_time_seconds_total')]: '0+0x60',
  };
}

const HUNG = [
  firing(
    'critical',
    'disk',
    {},
    'The disks of 3 VMs on host kvm1 have completed no request for 5 minutes.',
    'These VMs had requests constantly before, so their storage, or the path to it, hangs without an error. The busiest: "a" (30 requests per second) "b" (20 requests per second) "c" (2 requests per second). Restore the path: the VMs then continue by themselves. Start none of them on another host before this one is off.',
  ),
];

export const storageCases: readonly AlertCase[] = [
  {
    alert: 'DiskLatencyHigh',
    what: 'of a disk that takes 80 ms, and not of one that was asked three times in all',
    series: {
      ...REQUESTS,
      [disk('read_requests_total', 'idle')]: '0+0.3x70',
      [disk('write_requests_total', 'idle')]: '0+0x70',
      [disk('read_time_seconds_total', 'idle')]: '0+1x70',
      [disk('write_time_seconds_total', 'idle')]: '0+0x70',
    },
    at: {
      10: [],
      35: [
        firing(
          'warning',
          'disk',
          { domain: 'db1', target_device: 'vda' },
          'Request latency of disk vda of VM "db1" on host kvm1 is 80ms.',
          'Check other disks of the same pool. If they are slow too, it is the storage; otherwise check the load of this VM, I/O limits and cache mode.',
        ),
      ],
      60: [],
    },
  },
  {
    alert: 'HostDisksSlow',
    what: 'once five disks of five VMs of one host are slow, with the slowest of that host in its cluster',
    beside: ['DiskLatencyHigh'],
    series: {
      ...slowUntil(30, 'kvm1', 'a', 0.1),
      ...slowUntil(30, 'kvm1', 'b', 0.2),
      ...slowUntil(30, 'kvm1', 'c', 0.3),
      ...slowUntil(30, 'kvm1', 'd', 0.4),
      ...slowUntil(30, 'kvm1', 'e', 0.5),
      ...slowUntil(30, 'kvm1', 'f', 9, 'b'),
    },
    at: {
      4: [],
      20: [
        firing(
          'warning',
          'disk',
          { job: 'virtune', instance: 'kvm1', cluster: 'a' },
          '5 disks of VMs on host kvm1 (a) have high request latency.',
          'The cause is the storage that they share, or its path, rather than one VM. Slowest: vda of "e" (500ms) vda of "d" (400ms) vda of "c" (300ms). Check the health of the storage and its network, and the VM with the most requests.',
        ),
      ],
      50: [],
    },
  },
  {
    alert: 'HostDisksHung',
    what: 'seven to eight minutes after the disks of three busy VMs stand still, for as long as they do',
    series: {
      ...hungBetween(60, 240, 'a', 30),
      ...hungBetween(60, 240, 'b', 20),
      ...hungBetween(60, 240, 'c', 2),
      ...hungBetween(0, 240, 'idle', 20),
    },
    at: {
      59: [],
      65: [],
      // Up to two minutes later, depending on the order in which promtool evaluates rates and alerts.
      69: HUNG,
      90: HUNG,
      239: HUNG,
      244: [],
    },
  },
  {
    alert: 'HostIoStalled',
    what: 'when half of the time all wait for I/O',
    series: {
      [series('libvirt_host_pressure_seconds_total', 'resource="io", share="full"')]:
        '0+0x10 0+30x30 900+0x20',
    },
    at: {
      10: [],
      35: [
        firing(
          'warning',
          'disk',
          { resource: 'io', share: 'full' },
          'Host kvm1 stalls on I/O 50% of the time (PSI full).',
          'Find the VM with the most I/O, and check the health of the storage. Throttle the VM that saturates it.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'DiskErrors',
    what: "at libvirt's first I/O error event, and at one that the disk counts",
    series: {
      [series('libvirt_domain_events_total', 'domain="db1", event="ioError"')]: '0+0x5 1+0x30',
      [series('libvirt_domain_events_total', 'domain="db1", event="lifecycle"')]: '1+1x35',
      [disk('errors_total', 'web1')]: '0+0x20 2+0x20',
      [series('libvirt_domain_events_total', 'domain="web1", event="ioError"')]: '0+0x40',
      [series('libvirt_domain_info_state', 'domain="web1", state_desc="running"')]: '1+0x40',
    },
    at: {
      5: [],
      8: [
        firing(
          'warning',
          'disk',
          { domain: 'db1', event: 'ioError' },
          'VM "db1" on host kvm1 has I/O errors.',
          'Depending on the error policy, QEMU pauses the VM or reports the error to the guest. Check whether the pool is full and the storage path is up.',
        ),
      ],
      22: [
        firing(
          'warning',
          'disk',
          { domain: 'web1', target_device: 'vda' },
          'VM "web1" on host kvm1 has I/O errors on disk vda.',
          'Depending on the error policy, QEMU pauses the VM or reports the error to the guest. Check whether the pool is full and the storage path is up.',
        ),
      ],
      38: [],
    },
  },
  {
    alert: 'ThinPoolOvercommit',
    what: 'when more is provisioned than the pool has and it fills up within a day; not when it is only overcommitted',
    series: {
      [series('libvirt_storage_pool_provisioned_bytes', 'storage_pool="images"')]: '150+0x800',
      [series('libvirt_storage_pool_capacity_bytes', 'storage_pool="images"')]: '100+0x800',
      [series('libvirt_storage_pool_available_bytes', 'storage_pool="images"')]: '60-0.05x400 40+0x400',
      [series('libvirt_storage_pool_provisioned_bytes', 'storage_pool="quiet"')]: '150+0x800',
      [series('libvirt_storage_pool_capacity_bytes', 'storage_pool="quiet"')]: '100+0x800',
      [series('libvirt_storage_pool_available_bytes', 'storage_pool="quiet"')]: '60+0x800',
    },
    at: {
      30: [],
      120: [
        firing(
          'warning',
          'disk',
          { storage_pool: 'images' },
          'Storage pool "images" of host kvm1 is overcommitted (150% provisioned) and is full or will be within a day.',
          'When it is full, every VM with a thin image in it pauses. Add space, move images, or discard blocks that guests have freed.',
        ),
      ],
      790: [],
    },
  },
  {
    alert: 'ThinPoolOvercommit',
    what: 'also of a pool that is full already',
    series: {
      [series('libvirt_storage_pool_provisioned_bytes', 'storage_pool="images"')]: '150+0x500',
      [series('libvirt_storage_pool_capacity_bytes', 'storage_pool="images"')]: '100+0x500',
      [series('libvirt_storage_pool_available_bytes', 'storage_pool="images"')]: '0+0x500',
    },
    at: {
      30: [],
      400: [
        firing(
          'warning',
          'disk',
          { storage_pool: 'images' },
          'Storage pool "images" of host kvm1 is overcommitted (150% provisioned) and is full or will be within a day.',
          'When it is full, every VM with a thin image in it pauses. Add space, move images, or discard blocks that guests have freed.',
        ),
      ],
    },
  },
  {
    alert: 'SnapshotTooOld',
    what: 'when it is older than a week, and no longer once it is deleted',
    series: {
      // Created at time 0, where promtool's clock starts.
      [series('libvirt_domain_snapshot_oldest_timestamp_seconds', 'domain="db1"')]: '0+0x170 stale',
    },
    everyMinutes: 60,
    at: {
      9960: [],
      10200: [
        firing(
          'info',
          'snapshot',
          { domain: 'db1' },
          'VM "db1" on host kvm1 has a snapshot that is 7d 2h 0m 0s old.',
          'It uses space, slows writes and can block migration. Delete it; make a backup first if it is still needed.',
        ),
      ],
      10320: [],
    },
  },
  {
    alert: 'BackingChainDeep',
    what: 'while a disk has a chain of five images',
    series: { [disk('backing_chain_depth')]: '1+0x5 5+0x80 1+0x10' },
    at: {
      5: [],
      60: [],
      80: [
        firing(
          'info',
          'snapshot',
          { domain: 'db1', target_device: 'vda' },
          'Disk vda of VM "db1" on host kvm1 has a backing chain of 5 images.',
          'Reads may go through all of them, and losing one loses the disk. Shorten the chain with blockcommit or blockpull.',
        ),
      ],
      90: [],
    },
  },
  {
    alert: 'NicDrops',
    what: 'when one packet is dropped for 20 that arrive; a broadcast that an idle interface drops is none',
    series: {
      [nic('receive_packets')]: '0+6000x70',
      [nic('transmit_packets')]: '0+6000x70',
      [nic('receive_drops')]: '0+0x10 0+600x30 18000+0x30',
      [nic('transmit_drops')]: '0+0x70',
      [nic('receive_packets', 'idle')]: '0+10x70',
      [nic('transmit_packets', 'idle')]: '0+10x70',
      [nic('receive_drops', 'idle')]: '0+2x70',
      [nic('transmit_drops', 'idle')]: '0+0x70',
    },
    at: {
      10: [],
      35: [
        firing(
          'warning',
          'network',
          { domain: 'web1', target_device: 'vnet0' },
          'Interface vnet0 of VM "web1" on host kvm1 drops 4.762% of its packets.',
          'The guest or its vhost thread does not process packets in time. Check CPU steal of the VM, then queues and ring sizes.',
        ),
      ],
      60: [],
    },
  },
  {
    alert: 'NicDrops',
    what: 'with all of its packets, of an interface whose guest takes none',
    series: {
      [nic('receive_packets')]: '0+0x40',
      [nic('transmit_packets')]: '0+0x40',
      [nic('receive_drops')]: '0+120x40',
      [nic('transmit_drops')]: '0+0x40',
    },
    at: {
      35: [
        firing(
          'warning',
          'network',
          { domain: 'web1', target_device: 'vnet0' },
          'Interface vnet0 of VM "web1" on host kvm1 drops 100% of its packets.',
          'The guest or its vhost thread does not process packets in time. Check CPU steal of the VM, then queues and ring sizes.',
        ),
      ],
    },
  },
];
