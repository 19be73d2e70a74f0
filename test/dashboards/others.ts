/**
 * What popular dashboards for other exporters query: only names and labels, extracted from their queries and variables.
 */
export interface OtherDashboard {
  readonly title: string;
  readonly from: string;
  /** The word of `--compat` that supports it. */
  readonly compat: 'inovex' | 'kumina';
  /** Labels by which each series is chosen, joined or listed. */
  readonly series: Readonly<Record<string, readonly string[]>>;
}

const BY_DEVICE = ['domain', 'target_device'];
const both = (names: readonly string[], labels: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, labels]));

const interfaces = ['receive', 'transmit'].flatMap((way) =>
  ['bytes', 'packets', 'errors', 'drops'].map(
    (what) => `libvirt_domain_interface_stats_${way}_${what}_total`,
  ),
);
const blocks = ['read', 'write'].flatMap((way) =>
  ['bytes', 'requests'].map((what) => `libvirt_domain_block_stats_${way}_${what}_total`),
);

export const otherDashboards: readonly OtherDashboard[] = [
  {
    title: 'Libvirt (KVM)',
    from: "stackhpc/stackhpc-kayobe-config, etc/kayobe/kolla/config/grafana/dashboards/openstack/libvirt.json, June 2026; for kumina's exporter, which Kolla deploys",
    compat: 'kumina',
    series: {
      libvirt_up: [],
      ...both(
        [
          'libvirt_domain_info_cpu_time_seconds_total',
          'libvirt_domain_info_virtual_cpus',
          'libvirt_domain_info_memory_usage_bytes',
          'libvirt_domain_info_maximum_memory_bytes',
        ],
        ['domain'],
      ),
      ...both([...blocks, ...interfaces], ['domain']),
    },
  },
  {
    title: 'Libvirt OpenStack',
    from: 'inovex/prometheus-libvirt-exporter, dashboards/openstack-libvirt-dashboard/libvirt-openstack.json, October 2024',
    compat: 'inovex',
    series: {
      ...both(
        [
          'libvirt_domain_info_state',
          'libvirt_domain_vcpu_current',
          'libvirt_domain_info_cpu_time_seconds_total',
          'libvirt_domain_vcpu_delay_seconds_total',
          'libvirt_domain_vcpu_time_seconds_total',
          'libvirt_domain_memory_stats_maximum_bytes',
          'libvirt_domain_memory_stats_used_percent',
          'libvirt_domain_memory_stats_swap_in_bytes',
          'libvirt_domain_memory_stats_swap_out_bytes',
        ],
        ['domain'],
      ),
      ...both(
        [
          ...blocks,
          'libvirt_domain_block_stats_read_time_seconds_total',
          'libvirt_domain_block_stats_write_time_seconds_total',
          'libvirt_domain_block_stats_info',
          'libvirt_domain_interface_stats_info',
          ...interfaces.filter((name) => name !== 'libvirt_domain_interface_stats_transmit_drops_total'),
        ],
        BY_DEVICE,
      ),
      libvirt_domain_openstack_info: ['domain', 'project_name', 'instance_name', 'instance_id'],
    },
  },
];
