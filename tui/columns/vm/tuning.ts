import { scaled } from '../../../model/catalogue/metric.ts';
import { cellsOf, pinnedCount, pinnedCpus, seenCpus } from '../../model/pins.ts';
import { isRunning, type Vm } from '../../model/vm.ts';
import { type Column, levels } from '../column.ts';
import { xml } from './why.ts';

const DOMAIN = 'libvirt_domain_';

/** Cells that its vCPUs are pinned to, else those that they were seen on. */
function numaCells(vm: Vm): string | undefined {
  const cpus = pinnedCpus(vm) ?? seenCpus(vm);
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
    help: 'Its iothreads.',
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
    help: 'vCPUs that are bound to a part of the host, of all.',
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
    help: 'NUMA cells that its vCPUs are pinned to, else those that they were seen on.',
    metrics: [`${DOMAIN}vcpu_cpu`],
    read: numaCells,
    why: (vm) => (isRunning(vm) ? 'not_told' : 'not_running'),
    role: (value) => (String(value).includes(',') ? 'warn' : 'text'),
  },
  {
    id: 'remote_memory_percent',
    aliases: ['remote'],
    title: 'FAR%',
    unit: 'percent',
    width: 5,
    help: 'Chance that an access of its vCPUs goes to the memory of another NUMA cell. Needs --also numa, on the host itself.',
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
    help: "The tuner's profile that it is marked with; virtune tune drift says whether it still holds.",
    metrics: [],
    read: (vm) => (vm.facts === undefined ? undefined : (vm.facts.tuned?.profile ?? 'unmarked')),
    show: (value) => (value === 'unmarked' ? '-' : String(value)),
    why: xml,
  },
];
