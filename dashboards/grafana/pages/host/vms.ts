import { limitsOf } from '../../limits.ts';
import { rowToVm } from '../../links.ts';
import { of } from '../../query.ts';
import { DOMAIN_STATES } from '../../states.ts';
import { rows } from '../../table.ts';

export const vmsOfHost = () =>
  rows({
    title: 'VMs of this host',
    help: 'Each VM: its state, CPU used and waited for, memory, disk and network.',
    labels: ['domain', 'instance'],
    columns: [
      { title: 'state', expr: of('libvirt_domain_info_state'), unit: 'none', words: DOMAIN_STATES },
      { title: 'vCPUs', expr: of('libvirt_domain_info_virtual_cpus'), unit: 'none' },
      { title: 'runs', expr: of('domain:virtune_vcpu_usage:ratio_rate5m'), unit: 'percentunit' },
      {
        title: 'waits',
        expr: of('domain:virtune_vcpu_delay:ratio_rate5m'),
        unit: 'percentunit',
        limits: limitsOf(
          'green',
          ['orange', 'DomainVcpuDelayHigh', 'delay'],
          ['red', 'DomainVcpuDelayCritical', 'delay'],
        ).build(),
      },
      { title: 'memory', expr: of('libvirt_domain_info_memory_usage_bytes'), unit: 'bytes' },
      { title: 'resident', expr: of('libvirt_domain_memory_stats_rss_bytes'), unit: 'bytes' },
      {
        title: 'requests',
        expr: `sum without (target_device) (${of('device:virtune_block_requests:rate5m')})`,
        unit: 'iops',
      },
    ],
    links: { domain: rowToVm() },
    height: 12,
  });
