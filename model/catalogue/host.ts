import { CALL_REASONS, HOST_PARTS, type HostFigures, POOL_REASONS } from '../host.ts';
import { availableKiB, HOST_REASONS, LOCAL_PART_NAMES, missingOfHost, staleParts } from '../host-missing.ts';
import { hugePoolsKiB, hugePoolsOfCellKiB } from '../huge-pools.ts';
import { basePageKiB } from '../topology.ts';
import { kibToBytes, msToSeconds, nsToSeconds } from '../units.ts';
import { type Group, PAGE_SIZES, type Point, scaled } from './metric.ts';

const LOCAL = 'virtune on the host';

/** Union of the modes in libvirt and /proc/stat. */
const MODES = [
  'user',
  'nice',
  'kernel',
  'idle',
  'iowait',
  'irq',
  'softirq',
  'steal',
  'guest',
  'guest_nice',
  'intr',
  'utilization',
];
const KSM_KINDS = ['shared', 'sharing', 'unshared', 'volatile'];
const MEMORY_KINDS = ['total', 'free', 'buffers', 'cached', 'hugepages'];

const pageSize = (sizeKiB: number): string => `${sizeKiB}KiB`;

/** The host below the VMs, from the same process and with the same `instance` as theirs. */
export const hostGroup = {
  name: 'host',
  help: "The host's CPUs, memory, NUMA cells, huge pages, KSM, swap, pressure and load.",
  byDefault: true,
  costs: 'About ten calls per host, none of which waits for a VM, and a few files of /proc.',
  metrics: [
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_cpus',
      help: 'CPUs of the host by state: present, online.',
      labels: ['state'],
      values: { state: ['online', 'present'] },
      points: function* ({ cpusOnline, cpusPresent }): Generator<Point> {
        if (cpusOnline !== undefined) yield [['online'], cpusOnline];
        if (cpusPresent !== undefined) yield [['present'], cpusPresent];
      },
    },
    {
      per: 'host',
      type: 'info',
      name: 'libvirt_host_cpu_info',
      help: "CPU of the host as libvirt names it: architecture and the nearest model of libvirt's CPU map. Guests migrate live between hosts with the same model.",
      when: ({ topology }) => topology?.cpuModel !== undefined,
      labels: {
        arch: ({ topology }) => topology?.arch,
        model: ({ topology }) => topology?.cpuModel,
      },
    },
    {
      per: 'host',
      type: 'counter',
      name: 'libvirt_host_cpu_seconds_total',
      help: 'Time of all CPUs by mode, in seconds; user and nice include guest and guest_nice.',
      labels: ['mode'],
      values: { mode: MODES },
      points: ({ cpuNs }) => seconds(cpuNs),
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_memory_bytes',
      help: 'Memory of the host by kind, in bytes: total, free, buffers, cached, and hugepages (their pools, used or not).',
      labels: ['kind'],
      values: { kind: MEMORY_KINDS },
      points: (host) => bytes(host.memoryKiB, hugePoolsKiB(host)),
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_memory_available_bytes',
      help: 'Memory of the host that is available without swapping, in bytes (MemAvailable).',
      needs: 'virtune on the host, or libvirt 12.3',
      read: (host) => scaled(availableKiB(host), kibToBytes),
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_swap_bytes',
      help: 'Swap space of the host by kind, in bytes: total, free.',
      labels: ['kind'],
      values: { kind: ['total', 'free'] },
      needs: LOCAL,
      points: function* ({ local }): Generator<Point> {
        for (const [kind, field] of [
          ['total', 'SwapTotal'],
          ['free', 'SwapFree'],
        ] as const) {
          const kib = local?.meminfoKiB.get(field);
          if (kib !== undefined) yield [[kind], kibToBytes(kib)];
        }
      },
    },
    {
      per: 'host',
      type: 'counter',
      name: 'libvirt_host_swapped_in_pages_total',
      help: 'Pages that the host swapped in.',
      needs: LOCAL,
      read: ({ local }) => local?.vmstat.get('pswpin'),
    },
    {
      per: 'host',
      type: 'counter',
      name: 'libvirt_host_swapped_out_pages_total',
      help: 'Pages that the host swapped out.',
      needs: LOCAL,
      read: ({ local }) => local?.vmstat.get('pswpout'),
    },
    {
      per: 'host',
      type: 'counter',
      name: 'libvirt_host_oom_kills_total',
      help: 'Processes that the kernel has OOM-killed.',
      needs: LOCAL,
      read: ({ local }) => local?.vmstat.get('oom_kill'),
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_load',
      help: 'Load average of the host over 1, 5 and 15 minutes.',
      labels: ['minutes'],
      values: { minutes: ['1', '5', '15'] },
      needs: LOCAL,
      points: function* ({ local }): Generator<Point> {
        for (const [index, minutes] of ['1', '5', '15'].entries()) {
          const value = local?.load?.[index];
          if (value !== undefined) yield [[minutes], value];
        }
      },
    },
    {
      per: 'host',
      type: 'counter',
      name: 'libvirt_host_pressure_seconds_total',
      help: 'Time in which some or all (full) tasks of the host waited for a resource, in seconds (PSI).',
      labels: ['resource', 'share'],
      values: { resource: ['cpu', 'memory', 'io'], share: ['some', 'full'] },
      needs: `${LOCAL}, and a kernel with pressure stall information`,
      points: function* ({ local }): Generator<Point> {
        for (const [resource, { someNs, fullNs }] of local?.pressure ?? []) {
          if (someNs !== undefined) yield [[resource, 'some'], nsToSeconds(someNs)];
          if (fullNs !== undefined) yield [[resource, 'full'], nsToSeconds(fullNs)];
        }
      },
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_ksm_pages',
      help: 'KSM pages by kind: shared (kept), sharing (saved), unshared, volatile.',
      labels: ['kind'],
      values: { kind: KSM_KINDS },
      points: ({ ksm }) => ksmPages(ksm),
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_ksm_saved_bytes',
      help: 'Memory saved by KSM, in bytes: needed if guests rewrote all merged pages.',
      needs: "KSM, and the host's page sizes in its capabilities",
      read: ({ ksm, topology }) => {
        const pageKiB = topology && basePageKiB(topology);
        const pages = ksm.get('pages_sharing');
        return pageKiB === undefined || pages === undefined ? undefined : kibToBytes(pages * pageKiB);
      },
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'libvirt_host_ksm_merge_across_nodes',
      help: '1 when KSM merges pages of different NUMA cells.',
      read: ({ ksm }) => ksm.get('merge_across_nodes'),
    },
    {
      per: 'host',
      type: 'counter',
      name: 'libvirt_host_ksm_full_scans_total',
      help: 'Full scans of KSM.',
      read: ({ ksm }) => ksm.get('full_scans'),
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'virtune_host_missing',
      help: '1 for each part of the host that is missing, with the reason.',
      labels: ['part', 'reason'],
      values: {
        part: [...HOST_PARTS, ...LOCAL_PART_NAMES],
        reason: [...new Set([...HOST_REASONS, ...CALL_REASONS])],
      },
      points: (host) => missingOfHost(host).map(({ part, reason }): Point => [[part, reason], 1]),
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'virtune_host_part_age_seconds',
      help: 'Age of the data of each part of the host, in seconds.',
      labels: ['part'],
      values: { part: HOST_PARTS },
      points: function* ({ parts }): Generator<Point> {
        for (const [part, { ageMs }] of parts ?? [])
          if (ageMs !== undefined) yield [[part], msToSeconds(ageMs)];
      },
    },
    {
      per: 'host',
      type: 'gauge',
      name: 'virtune_host_part_stale',
      help: '1 for each part of the host with stale data, with the reason.',
      labels: ['part', 'reason'],
      values: { part: HOST_PARTS, reason: ['unresponsive', 'no_connection'] },
      points: (host) => staleParts(host).map(({ part, reason }): Point => [[part, reason], 1]),
    },
    {
      per: 'cell',
      type: 'counter',
      name: 'libvirt_host_numa_cpu_seconds_total',
      help: "Time of the NUMA cell's CPUs by mode, in seconds.",
      labels: ['mode'],
      values: { mode: MODES },
      needs: LOCAL,
      points: ({ cpuNs }) => seconds(cpuNs),
    },
    {
      per: 'cell',
      type: 'gauge',
      name: 'libvirt_host_numa_memory_bytes',
      help: 'Memory of the NUMA cell by kind, in bytes: total, free, and hugepages (their pools, used or not).',
      labels: ['kind'],
      values: { kind: MEMORY_KINDS },
      points: (cell) => bytes(cell.memoryKiB, hugePoolsOfCellKiB(cell)),
    },
    {
      per: 'cell',
      type: 'gauge',
      name: 'libvirt_host_numa_memory_available_bytes',
      help: 'Memory of the NUMA cell that is available without swapping, in bytes: free memory and reclaimable cache.',
      needs: LOCAL,
      read: ({ availableKiB }) => scaled(availableKiB, kibToBytes),
    },
    {
      per: 'cell',
      type: 'gauge',
      name: 'libvirt_host_numa_pages',
      help: 'Pages of the NUMA cell by size: total (allocated pool, for huge pages) and free.',
      labels: ['size', 'kind'],
      values: { size: PAGE_SIZES, kind: ['total', 'free'] },
      points: function* ({ pages }): Generator<Point> {
        for (const { sizeKiB, total, free } of pages) {
          if (total !== undefined) yield [[pageSize(sizeKiB), 'total'], total];
          yield [[pageSize(sizeKiB), 'free'], free];
        }
      },
    },
  ],
} as const satisfies Group;

export const poolGroup = {
  name: 'pool',
  help: 'Storage pools: state, capacity and available space. virtune never refreshes a pool; where it runs on the host, the sizes of dir, fs and netfs pools are read from their file system.',
  byDefault: true,
  costs: 'One call and one statfs per pool, twice per minute.',
  metrics: [
    {
      per: 'pool',
      type: 'gauge',
      name: 'libvirt_storage_pool_state',
      help: 'State of the pool: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible.',
      read: (pool) => pool.state,
    },
    {
      per: 'pool',
      type: 'gauge',
      name: 'libvirt_storage_pool_capacity_bytes',
      help: 'Capacity of the pool, in bytes.',
      read: (pool) => pool.capacityBytes,
    },
    {
      per: 'pool',
      type: 'gauge',
      name: 'libvirt_storage_pool_allocation_bytes',
      help: 'Used bytes of the pool.',
      read: (pool) => pool.allocationBytes,
    },
    {
      per: 'pool',
      type: 'gauge',
      name: 'libvirt_storage_pool_available_bytes',
      help: 'Available bytes of the pool. If measured by its file system (measured_by="statfs"): what non-root users can write.',
      read: (pool) => pool.availableBytes,
    },
    {
      per: 'pool',
      type: 'info',
      name: 'libvirt_storage_pool_info',
      help: "Type and source of the pool. Hosts that share a pool have the same source. measured_by shows whether its sizes are libvirt's, which change only when the pool is refreshed, or its file system's.",
      labels: {
        uuid: (pool) => pool.uuid,
        type: (pool) => pool.source?.type,
        path: (pool) => pool.path,
        source_host: (pool) => pool.source?.host,
        source_dir: (pool) => pool.source?.directory,
        source_device: (pool) => pool.source?.device,
        source_name: (pool) => pool.source?.name,
        measured_by: (pool) => pool.measuredBy,
      },
    },
    {
      per: 'pool',
      type: 'gauge',
      name: 'virtune_storage_pool_missing',
      help: '1 for a pool whose sizes are missing, with the reason.',
      labels: ['reason'],
      values: { reason: POOL_REASONS },
      points: ({ missing }) => (missing === undefined ? [] : [[[missing], 1] as Point]),
    },
    {
      per: 'pool',
      type: 'gauge',
      name: 'virtune_storage_pool_age_seconds',
      help: 'Age of the sizes of the pool, in seconds.',
      read: ({ ageMs }) => scaled(ageMs, msToSeconds),
    },
  ],
} as const satisfies Group;

function* seconds(ns: HostFigures['cpuNs']): Generator<Point> {
  for (const [mode, value] of ns) yield [[mode], nsToSeconds(value)];
}

function* bytes(kib: HostFigures['memoryKiB'], hugePoolsKiB: number | undefined): Generator<Point> {
  // `available` (libvirt since 12.3) has a separate series, because it overlaps with the others.
  for (const [kind, value] of kib) if (kind !== 'available') yield [[kind], kibToBytes(value)];
  if (hugePoolsKiB !== undefined) yield [['hugepages'], kibToBytes(hugePoolsKiB)];
}

function* ksmPages(ksm: HostFigures['ksm']): Generator<Point> {
  for (const kind of KSM_KINDS) {
    const value = ksm.get(`pages_${kind}`);
    if (value !== undefined) yield [[kind], value];
  }
}
