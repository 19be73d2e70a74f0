import { cellsOf, pinnedCpus } from '../../../advice/pins.ts';
import { scaled } from '../../../model/catalogue/metric.ts';
import { pinnedCount, seenCpus } from '../../model/pins.ts';
import { isRunning, type Vm } from '../../model/vm.ts';
import { type Column, levels } from '../column.ts';
import { xml } from './why.ts';

const DOMAIN = 'libvirt_domain_';

/** Cells of the CPUs that its vCPUs are pinned to, else of those they were seen on. */
function numaCells(vm: Vm): string | undefined {
  const cpus = pinnedCpus(vm.sample) ?? seenCpus(vm);
  if (cpus === undefined) return undefined;
  const cells = cellsOf(cpus, vm);
  return cells.length === 0 ? undefined : cells.join(',');
}

export const tuningColumns: readonly Column<Vm>[] = [
  {
    id: 'iothreads',
    title: 'IOTH',
    unit: 'number',
    width: 4,
    help: 'Number of iothreads.',
    metrics: [],
    read: (vm) => vm.facts?.cpu.ioThreads.length,
    show: (value) => (value === 0 ? '-' : String(value)),
    why: xml,
  },
  {
    id: 'pinned_vcpus',
    aliases: ['pinned', 'pins'],
    title: 'PIN',
    unit: 'number',
    width: 5,
    help: 'Pinned vCPUs, of all.',
    metrics: [],
    read: pinnedCount,
    show: (value, vm) => (value === 0 ? '-' : `${value}/${vm.sample.summary.vcpus ?? '?'}`),
    why: xml,
  },
  {
    id: 'numa_cells',
    aliases: ['numa', 'cells'],
    title: 'NUMA',
    unit: 'text',
    width: 5,
    help: 'NUMA cells that its vCPUs are pinned to, or else were last seen on.',
    metrics: [`${DOMAIN}vcpu_cpu`],
    read: numaCells,
    why: (vm) => (isRunning(vm) ? 'not_reported' : 'not_running'),
    role: (value) => (String(value).includes(',') ? 'warn' : 'text'),
  },
  {
    id: 'remote_memory_percent',
    aliases: ['remote'],
    title: 'FAR%',
    unit: 'percent',
    width: 5,
    help: 'Estimated share of memory accesses that go to another NUMA cell. Needs --also numa, and virtune on the host.',
    metrics: [],
    read: (vm) => scaled(vm.sample.local?.memoryMap?.remoteShare, (share) => share * 100),
    why: (vm) => vm.reasons.get('numa') ?? (isRunning(vm) ? 'not_asked' : 'not_running'),
    role: levels([20, 'warn'], [40, 'bad']),
  },
  {
    id: 'profile',
    title: 'PROFILE',
    unit: 'text',
    width: 14,
    help: 'Tuning profile applied to the VM; virtune tune drift checks whether it still matches.',
    metrics: [],
    read: (vm) => (vm.facts === undefined ? undefined : (vm.facts.tuned?.profile ?? 'unmarked')),
    show: (value) => (value === 'unmarked' ? '-' : String(value)),
    why: xml,
  },
];
