import { noise } from '../../../simulator/random.ts';

export const DAY_HOURS = 24;
const VMS = 50;
const GIB = 1024 ** 3;

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly metric: Labels;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

export interface Recorded {
  readonly hosts: number;
  readonly clusters: number;
  readonly hours: number;
  readonly startSeconds: number;
}

const hostLabelsOf =
  (clusters: number) =>
  (host: number): Labels => ({
    cluster: `c${host % clusters}`,
    job: 'virtune',
    instance: `kvm${String(host).padStart(5, '0')}:9177`,
  });
const uuidOf = (host: number, vm: number): string =>
  `00000000-0000-4000-8000-${String(host * VMS + vm).padStart(12, '0')}`;
const one = (metric: Labels, value: number): Series => ({ metric, value: [0, String(value)] });

/** Mean CPUs of an hour: a daily wave with noise; VMs of a tenth of the hosts want almost twice as much. */
function demandOf(host: number, vm: number, hour: number, clusters: number): number {
  const level = (Math.floor(host / clusters) % 10 === 0 ? 0.9 : 0.5) * (0.5 + noise(host, vm));
  return level * (1 + 0.5 * Math.sin((hour / DAY_HOURS) * 2 * Math.PI) + 0.2 * noise(host * VMS + vm, hour));
}

const HOST_FIGURES: readonly (readonly [name: string, value: number, labels?: Labels])[] = [
  ['libvirt_host_cpus', 64, { state: 'online' }],
  ['libvirt_host_cpus_dedicated', 0],
  ['libvirt_host_cpu_info', 1, { arch: 'x86_64', model: 'Cascadelake-Server' }],
  ['libvirt_host_memory_bytes', 0, { kind: 'hugepages' }],
  ['instance:virtune_host_memory_ordinary:bytes', 512 * GIB],
  ['instance:virtune_host_memory_available:ratio', 0.4],
  ['instance:virtune_vcpu_contention:ratio_rate5m', 0.02],
  ['instance:virtune_vcpu_delay:sum_rate5m', 0.7],
];

function vmFigures(host: number, vm: number): (readonly [name: string, value: number, labels?: Labels])[] {
  return [
    ['libvirt_domain_info_state', 1, { state_desc: 'running' }],
    ['libvirt_domain_vcpu_current', 4],
    ['libvirt_domain_info_maximum_memory_bytes', 8 * GIB],
    ['libvirt_domain_info_memory_usage_bytes', 8 * GIB],
    ['libvirt_domain_memory_stats_rss_bytes', 5 * GIB],
    ['libvirt_domain_hugepages', 0],
    ['libvirt_domain_vcpus_pinned', 0],
    ['libvirt_domain_persistent', 1],
    ['libvirt_domain_autostart', 0],
    [
      'libvirt_domain_tuning_info',
      1,
      { type: 'kvm', cpu_mode: 'host-model', numa_mode: '', balloon_model: 'virtio' },
    ],
    [
      'libvirt_domain_block_stats_info',
      1,
      {
        target_device: 'vda',
        device: 'disk',
        bus: 'virtio',
        disk_type: 'network',
        source_file: `rbd:vms/${uuidOf(host, vm)}`,
      },
    ],
    ['virtune_domain_outcome', 1, { outcome: 'fresh' }],
  ];
}

/** The response to one of the queries of advice/fleet/read; what is not simulated has no series. */
export function recordedOf(query: string, { hosts, clusters, hours, startSeconds }: Recorded): Series[] {
  const hostLabels = hostLabelsOf(clusters);
  const vmLabels = (host: number, vm: number): Labels => ({
    ...hostLabels(host),
    domain: `vm-${host}-${vm}`,
  });
  const chunk = /instance=~"([^"]+)"/.exec(query)?.[1];
  const wanted = (name: string): boolean =>
    query.includes(`"${name}"`) || query.includes(`${name}|`) || query.includes(`|${name}"`);
  if (chunk === undefined) {
    return Array.from({ length: hosts }, (_, host) => host).flatMap((host) =>
      HOST_FIGURES.filter(([name]) => wanted(name)).map(([name, value, labels]) =>
        one({ __name__: name, ...hostLabels(host), ...labels }, value),
      ),
    );
  }
  const vms = chunk
    .split('|')
    .map((instance) => Number(/\d+/.exec(instance)?.[0]))
    .flatMap((host) => Array.from({ length: VMS }, (_, vm) => [host, vm] as const));
  if (query.includes('avg_over_time')) {
    return vms.map(([host, vm]) => ({
      metric: vmLabels(host, vm),
      values: Array.from(
        { length: hours },
        (_, hour) => [startSeconds + hour * 3_600, demandOf(host, vm, hour, clusters).toFixed(6)] as const,
      ),
    }));
  }
  if (query.includes('stdvar_over_time')) return vms.map(([host, vm]) => one(vmLabels(host, vm), 0.3));
  if (query.includes('max_over_time')) return vms.map(([host, vm]) => one(vmLabels(host, vm), 5.5 * GIB));
  if (wanted('libvirt_domain_info')) {
    return vms.map(([host, vm]) => one({ ...vmLabels(host, vm), uuid: uuidOf(host, vm) }, 1));
  }
  return vms.flatMap(([host, vm]) =>
    vmFigures(host, vm)
      .filter(([name]) => wanted(name))
      .map(([name, value, labels]) => one({ __name__: name, ...vmLabels(host, vm), ...labels }, value)),
  );
}
