import { DISK_LABELS, ON_DISK, ON_VM, VM_LABELS } from '../../../promql.ts';
import { CHOSEN_VM, newestOf, of } from '../../query.ts';
import { rows } from '../../table.ts';

const JOIN = `* ${ON_VM} group_right ()`;
const INFO = newestOf(VM_LABELS, of('libvirt_domain_tuning_info', CHOSEN_VM));

export const tuned = () =>
  rows({
    title: 'Configuration',
    help: 'CPU model, NUMA policy, balloon, pins, huge pages and iothreads, from the domain XML.',
    labels: ['domain', 'type', 'cpu_mode', 'cpu_model', 'numa_mode', 'numa_nodeset', 'balloon_model'],
    columns: [
      {
        title: 'pinned vCPUs',
        expr: `${of('libvirt_domain_vcpus_pinned', CHOSEN_VM)} ${JOIN} ${INFO}`,
        unit: 'none',
      },
      {
        title: 'huge pages',
        expr: `${of('libvirt_domain_hugepages', CHOSEN_VM)} ${JOIN} ${INFO}`,
        unit: 'none',
      },
      {
        title: 'iothreads',
        expr: `${of('libvirt_domain_iothreads', CHOSEN_VM)} ${JOIN} ${INFO}`,
        unit: 'none',
      },
      {
        title: 'balloon stats period',
        expr: `${of('libvirt_domain_balloon_stats_period_seconds', CHOSEN_VM)} ${JOIN} ${INFO}`,
        unit: 's',
      },
    ],
    height: 6,
  });

export const disks = () =>
  rows({
    title: 'Disks',
    help: 'Source, cache and I/O mode of each disk, and the capacity that the guest sees.',
    labels: ['domain', 'target_device', 'bus', 'driver_type', 'cache', 'io', 'discard', 'source_file'],
    columns: [
      {
        title: 'capacity',
        expr: `${of('libvirt_domain_block_stats_capacity_bytes', CHOSEN_VM)} * ${ON_DISK} group_right () ${newestOf(DISK_LABELS, of('libvirt_domain_block_stats_info', CHOSEN_VM))}`,
        unit: 'bytes',
      },
    ],
    span: 16,
    height: 7,
  });

export const missing = () =>
  rows({
    title: 'Missing metrics',
    help: 'Metric groups without data for this VM, with the reason. To fix no_stats_period: virsh dommemstat --period.',
    labels: ['domain', 'group', 'reason'],
    columns: [{ title: 'missing', expr: of('virtune_domain_missing', CHOSEN_VM), unit: 'none' }],
    span: 8,
    height: 7,
  });
