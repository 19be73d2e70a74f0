import type {
  BalloonStats,
  BlockStats,
  CpuStats,
  DirtyRateStats,
  IoThreadStats,
  NetStats,
  VcpuStats,
} from './types.ts';

/** libvirt's field names (virConnectGetAllDomainStats, libvirt 9.0.0 to 12.9.0) and ours for them. */
export const DOMAIN_FIELDS = {
  cpu: {
    time: 'timeNs',
    user: 'userNs',
    system: 'systemNs',
    'haltpoll.success.time': 'haltPollSuccessNs',
    'haltpoll.fail.time': 'haltPollFailNs',
  } satisfies Record<string, keyof CpuStats>,
  balloon: {
    current: 'currentKiB',
    maximum: 'maximumKiB',
    swap_in: 'swapInKiB',
    swap_out: 'swapOutKiB',
    major_fault: 'majorFaults',
    minor_fault: 'minorFaults',
    unused: 'unusedKiB',
    available: 'availableKiB',
    usable: 'usableKiB',
    rss: 'rssKiB',
    'last-update': 'lastUpdateSeconds',
    disk_caches: 'diskCachesKiB',
    hugetlb_pgalloc: 'hugetlbAllocations',
    hugetlb_pgfail: 'hugetlbFailures',
  } satisfies Record<string, keyof BalloonStats>,
  dirtyrate: {
    calc_status: 'status',
    calc_start_time: 'startTimeSeconds',
    calc_period: 'periodSeconds',
    megabytes_per_second: 'megabytesPerSecond',
  } satisfies Record<string, keyof DirtyRateStats>,
} as const;

export const DEVICE_FIELDS = {
  vcpu: {
    state: 'state',
    time: 'timeNs',
    wait: 'waitNs',
    delay: 'delayNs',
    halted: 'halted',
  } satisfies Record<string, keyof VcpuStats>,
  net: {
    name: 'name',
    'rx.bytes': 'rxBytes',
    'rx.pkts': 'rxPackets',
    'rx.errs': 'rxErrors',
    'rx.drop': 'rxDrops',
    'tx.bytes': 'txBytes',
    'tx.pkts': 'txPackets',
    'tx.errs': 'txErrors',
    'tx.drop': 'txDrops',
  } satisfies Record<string, keyof NetStats>,
  block: {
    name: 'name',
    path: 'path',
    backingIndex: 'backingIndex',
    'rd.reqs': 'readRequests',
    'rd.bytes': 'readBytes',
    'rd.times': 'readNs',
    'wr.reqs': 'writeRequests',
    'wr.bytes': 'writeBytes',
    'wr.times': 'writeNs',
    'fl.reqs': 'flushRequests',
    'fl.times': 'flushNs',
    errors: 'errors',
    allocation: 'allocationBytes',
    capacity: 'capacityBytes',
    physical: 'physicalBytes',
    threshold: 'thresholdBytes',
  } satisfies Record<string, keyof BlockStats>,
  iothread: {
    'poll-max-ns': 'pollMaxNs',
    'poll-grow': 'pollGrow',
    'poll-shrink': 'pollShrink',
    'poll-weight': 'pollWeight',
  } satisfies Record<string, keyof IoThreadStats>,
} as const;

export const TOP_FIELDS: Readonly<Record<string, 'state' | 'reason' | 'vcpuCurrent' | 'vcpuMaximum'>> = {
  'state.state': 'state',
  'state.reason': 'reason',
  'vcpu.current': 'vcpuCurrent',
  'vcpu.maximum': 'vcpuMaximum',
};

/** Known but unused: list counts (ids have gaps, so items are read by name), and how the dirty rate was measured. */
export const IGNORED = new Set(['net.count', 'block.count', 'iothread.count', 'dirtyrate.calc_mode']);
