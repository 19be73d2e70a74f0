import { scaled } from '../../../model/catalogue/metric.ts';
import { SHORTFALL_THAT_COUNTS } from '../../../model/overcommit.ts';
import { nsToSeconds } from '../../../model/units.ts';
import { isRunning, type Vm } from '../../model/vm.ts';
import { type Column, levels } from '../column.ts';
import { rateOf, summary } from './why.ts';

const DOMAIN = 'libvirt_domain_';

export const cpuColumns: readonly Column<Vm>[] = [
  {
    id: 'vcpus',
    title: 'VCPU',
    unit: 'number',
    width: 4,
    help: 'Online vCPUs.',
    metrics: [`${DOMAIN}info_virtual_cpus`],
    read: (vm) => vm.sample.summary.vcpus,
    why: summary,
  },
  {
    id: 'cpu_percent',
    aliases: ['cpu'],
    title: 'CPU%',
    unit: 'percent',
    width: 6,
    help: 'CPU usage of all its threads, in percent of one host CPU: 400 is four CPUs.',
    metrics: [`${DOMAIN}info_cpu_time_seconds_total`],
    read: (vm) => scaled(vm.total.cpuUsage, (usage) => usage * 100),
    why: (vm) => (isRunning(vm) ? 'first_sample' : 'not_running'),
    role: (value, vm) => {
      const all = (vm.sample.summary.vcpus ?? 1) * 100;
      return levels([all * 0.7, 'warn'], [all * 0.95, 'bad'])(value);
    },
  },
  {
    id: 'steal_percent',
    aliases: ['steal', 'delay', 'delay_percent', 'ready'],
    title: 'STEAL%',
    unit: 'percent',
    width: 6,
    help: 'CPU steal: time that its vCPUs were ready but had no CPU, delay / wall time, mean over its vCPUs. The guest sees it as steal, VMware calls it ready.',
    metrics: [`${DOMAIN}vcpu_delay_seconds_total`],
    read: (vm) => scaled(vm.total.steal, (share) => share * 100),
    why: rateOf('vcpu'),
    role: levels([5, 'warn'], [10, 'bad']),
  },
  {
    id: 'contention_percent',
    aliases: ['contention'],
    title: 'CONT%',
    unit: 'percent',
    width: 6,
    help: 'CPU contention: share of its CPU demand that was not served, delay / (delay + run) over its vCPUs.',
    metrics: [`${DOMAIN}vcpu_delay_seconds_total`, `${DOMAIN}vcpu_time_seconds_total`],
    read: (vm) => scaled(vm.total.contention, (share) => share * 100),
    why: rateOf('vcpu'),
    // As for a host: a high ratio is not coloured when hardly any CPU time is lost.
    role: (value, vm) =>
      (vm.total.steal ?? 0) * (vm.sample.summary.vcpus ?? 1) > SHORTFALL_THAT_COUNTS
        ? levels([10, 'warn'], [20, 'bad'])(value)
        : 'text',
  },
  {
    id: 'wait_percent',
    aliases: ['wait'],
    title: 'WAIT%',
    unit: 'percent',
    width: 6,
    help: "Time that its vCPUs waited by the scheduler's count (wait_sum), wait / wall time, mean over its vCPUs.",
    metrics: [`${DOMAIN}vcpu_wait_seconds_total`],
    read: (vm) => scaled(vm.total.wait, (share) => share * 100),
    why: rateOf('vcpu'),
  },
];

export const cpuTimeColumn: Column<Vm> = {
  id: 'cpu_time_seconds',
  aliases: ['time'],
  title: 'TIME+',
  unit: 'seconds',
  width: 9,
  help: 'CPU time of all its threads since the VM started.',
  metrics: [`${DOMAIN}info_cpu_time_seconds_total`],
  read: (vm) => scaled(vm.sample.summary.cpuTimeNs, nsToSeconds),
  why: summary,
};
