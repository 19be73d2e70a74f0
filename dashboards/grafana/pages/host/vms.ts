import { rowToVm } from '../../links.ts';
import { of } from '../../query.ts';
import { bySteal } from '../../shared-limits.ts';
import { DOMAIN_STATES } from '../../states.ts';
import { rows } from '../../table.ts';

export const vmsOfHost = () =>
  rows({
    title: 'VMs on this host',
    help: 'Per VM: state, CPU usage and steal, memory and disk requests.',
    labels: ['domain'],
    columns: [
      { title: 'state', expr: of('libvirt_domain_info_state'), unit: 'none', words: DOMAIN_STATES },
      { title: 'vCPUs', expr: of('libvirt_domain_info_virtual_cpus'), unit: 'none' },
      { title: 'CPU usage', expr: of('domain:virtune_vcpu_usage:ratio_rate5m'), unit: 'percentunit' },
      {
        title: 'CPU steal',
        expr: of('domain:virtune_vcpu_delay:ratio_rate5m'),
        unit: 'percentunit',
        limits: bySteal().build(),
      },
      { title: 'memory', expr: of('libvirt_domain_info_memory_usage_bytes'), unit: 'bytes' },
      { title: 'RSS', expr: of('libvirt_domain_memory_stats_rss_bytes'), unit: 'bytes' },
      {
        title: 'disk requests',
        expr: `sum without (target_device) (${of('device:virtune_block_requests:rate5m')})`,
        unit: 'iops',
      },
    ],
    links: { domain: rowToVm() },
    height: 12,
  });
