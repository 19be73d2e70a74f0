import type { PoolFigures } from '../host.ts';
import { kibToBytes } from '../units.ts';
import { type Group, type Point, scaled } from './metric.ts';

const COSTS = 'None: the same figures under other names.';

/** Tinkoff/libvirt-exporter 2.3.3 */
const tinkoff = {
  name: 'compat-tinkoff',
  help: "Names of Tinkoff's libvirt-exporter, where they differ.",
  byDefault: false,
  costs: COSTS,
  metrics: [
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_info_vstate',
      help: 'As libvirt_domain_info_state.',
      read: ({ state }) => state,
    },
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_actual_balloon_bytes',
      help: 'As libvirt_domain_memory_stats_current_balloon_bytes.',
      read: ({ memoryKiB }) => scaled(memoryKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_disk_cache_bytes',
      help: 'As libvirt_domain_memory_stats_disk_caches_bytes.',
      read: ({ balloon }) => scaled(balloon.diskCachesKiB, kibToBytes),
    },
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_allocation',
      help: 'As libvirt_domain_block_stats_allocation_bytes.',
      read: ({ allocationBytes }) => allocationBytes,
    },
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_physicalsize_bytes',
      help: 'As libvirt_domain_block_stats_physical_bytes.',
      read: ({ physicalBytes }) => physicalBytes,
    },
    {
      per: 'identity',
      type: 'info',
      name: 'libvirt_domain_info_meta',
      help: 'As libvirt_domain_info and libvirt_domain_openstack_info together.',
      labels: {
        uuid: ({ uuid }) => uuid,
        instance_name: ({ facts }) => facts?.nova?.instanceName ?? '',
        flavor: ({ facts }) => facts?.nova?.flavor ?? '',
        user_name: ({ facts }) => facts?.nova?.userName ?? '',
        user_uuid: ({ facts }) => facts?.nova?.userUuid ?? '',
        project_name: ({ facts }) => facts?.nova?.projectName ?? '',
        project_uuid: ({ facts }) => facts?.nova?.projectUuid ?? '',
        root_type: ({ facts }) => facts?.nova?.rootType ?? '',
        root_uuid: ({ facts }) => facts?.nova?.rootUuid ?? '',
      },
    },
    {
      per: 'disk',
      type: 'info',
      name: 'libvirt_domain_block_meta',
      help: 'As libvirt_domain_block_stats_info.',
      labels: {
        source_file: (disk) => disk.source?.name ?? '',
        serial: (disk) => disk.serial ?? '',
        bus: (disk) => disk.bus ?? '',
        disk_type: (disk) => disk.source?.kind ?? '',
        driver_type: (disk) => disk.format ?? '',
        cache: (disk) => disk.cache ?? '',
        discard: (disk) => disk.discard ?? '',
      },
    },
    {
      per: 'nic',
      type: 'info',
      name: 'libvirt_domain_interface_meta',
      help: 'As libvirt_domain_interface_stats_info.',
      labels: {
        source_bridge: (nic) => nic.source ?? '',
        virtual_interface: (nic) => nic.virtualPort ?? '',
      },
    },
    ...(['capacity', 'allocation', 'available'] as const).map((what) => ({
      per: 'host' as const,
      type: 'gauge' as const,
      name: `libvirt_pool_info_${what}_bytes`,
      help: `As libvirt_storage_pool_${what}_bytes.`,
      labels: ['pool'],
      points: ({ pools }: { readonly pools: readonly PoolFigures[] }): Point[] =>
        pools.flatMap((pool) => {
          const bytes = pool[`${what}Bytes`];
          return bytes === undefined ? [] : [[[pool.name], bytes]];
        }),
    })),
  ],
} as const satisfies Group;

/** inovex/prometheus-libvirt-exporter 2.5.0 */
const inovex = {
  name: 'compat-inovex',
  help: "Names of inovex' prometheus-libvirt-exporter, where they differ.",
  byDefault: false,
  costs: COSTS,
  metrics: [
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_swap_in_bytes',
      help: 'As libvirt_domain_memory_stats_swap_in_bytes_total.',
      read: ({ balloon }) => scaled(balloon.swapInKiB, kibToBytes),
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_memory_stats_swap_out_bytes',
      help: 'As libvirt_domain_memory_stats_swap_out_bytes_total.',
      read: ({ balloon }) => scaled(balloon.swapOutKiB, kibToBytes),
    },
    {
      per: 'missing',
      type: 'gauge',
      name: 'libvirt_domain_timed_out',
      help: '1 for a domain that did not answer; see virtune_domain_outcome.',
      read: (missing) => Number(missing.some(({ reason }) => reason === 'unresponsive')),
    },
  ],
  peerLabels: [
    {
      names: ['libvirt_domain_block_stats_info'],
      labels: {
        target_bus: ({ disk }) => disk?.bus,
        driver_name: ({ disk }) => disk?.driver,
        driver_cache: ({ disk }) => disk?.cache,
        driver_discard: ({ disk }) => disk?.discard,
        source_protocol: ({ disk }) => disk?.source?.protocol,
      },
    },
  ],
} as const satisfies Group;

/** kumina/libvirt_exporter, Debian's prometheus-libvirt-exporter 0.2.0 */
const kumina = {
  name: 'compat-kumina',
  help: "Names of kumina's libvirt_exporter, which is Debian's, where they differ.",
  byDefault: false,
  costs: COSTS,
  metrics: [
    {
      per: 'summary',
      type: 'gauge',
      name: 'libvirt_domain_state_code',
      help: 'As libvirt_domain_info_state.',
      read: ({ state }) => state,
    },
    {
      per: 'overcommit',
      type: 'gauge',
      name: 'libvirt_domains_number',
      help: 'As libvirt_domains.',
      read: ({ domains }) => domains,
    },
  ],
  peerLabels: [
    {
      names: [
        ...['maximum_memory_bytes', 'memory_usage_bytes', 'virtual_cpus', 'cpu_time_seconds_total'].map(
          (what) => `libvirt_domain_info_${what}`,
        ),
        'libvirt_domain_state_code',
      ],
      labels: { uuid: ({ uuid }) => uuid },
    },
    {
      // Times too: latency is time divided by requests, which only matches series with the same labels.
      names: ['read', 'write', 'flush'].flatMap((way) =>
        [...(way === 'flush' ? [] : ['bytes']), 'requests', 'time_seconds'].map(
          (what) => `libvirt_domain_block_stats_${way}_${what}_total`,
        ),
      ),
      labels: { uuid: ({ uuid }) => uuid, source_file: ({ disk }) => disk?.source?.name },
    },
    {
      names: ['receive', 'transmit'].flatMap((way) =>
        ['bytes', 'packets', 'errors', 'drops'].map(
          (what) => `libvirt_domain_interface_stats_${way}_${what}_total`,
        ),
      ),
      labels: { uuid: ({ uuid }) => uuid, source_bridge: ({ nic }) => nic?.source },
    },
  ],
} as const satisfies Group;

/** By the argument of `--compat`. */
export const compatGroups = { tinkoff, inovex, kumina } as const;
export type CompatName = keyof typeof compatGroups;

/** Additional labels that `--compat` puts on series of this name, for dashboards of other exporters. */
export function peerLabelsOf(name: string): readonly string[] {
  const groups: readonly Group[] = Object.values(compatGroups);
  const peers = groups
    .flatMap(({ peerLabels = [] }) => peerLabels)
    .filter(({ names }) => names.includes(name));
  return [...new Set(peers.flatMap(({ labels }) => Object.keys(labels)))];
}
