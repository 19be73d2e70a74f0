import { LEGEND } from '../../legends.ts';
import { figure, graph } from '../../panels.ts';
import { CHOSEN_VM, of, rateOf } from '../../query.ts';
import { bySteal } from '../../shared-limits.ts';
import { DOMAIN_STATES } from '../../states.ts';

const STEAL = of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM);

export const stateFigure = () =>
  figure({
    title: 'State',
    help: 'State as reported by libvirt. virsh domstate --reason shows the reason.',
    unit: 'none',
    queries: [{ expr: of('libvirt_domain_info_state', CHOSEN_VM), legend: LEGEND.vm }],
    words: DOMAIN_STATES,
    span: 4,
  });

export const vcpus = () =>
  figure({
    title: 'vCPUs',
    help: 'Current number of vCPUs.',
    unit: 'none',
    queries: [
      {
        expr: of('libvirt_domain_info_virtual_cpus', CHOSEN_VM),
        legend: LEGEND.vm,
      },
    ],
    span: 4,
  });

export const cpuFigure = () =>
  figure({
    title: 'CPU usage',
    help: 'Run / wall time per vCPU, mean over its vCPUs, 5 minutes.',
    unit: 'percentunit',
    queries: [
      {
        expr: of('domain:virtune_vcpu_usage:ratio_rate5m', CHOSEN_VM),
        legend: LEGEND.vm,
      },
    ],
    span: 4,
  });

export const stealFigure = () =>
  figure({
    title: 'CPU steal (ready)',
    help: 'Delay / wall time per vCPU, mean over its vCPUs, 5 minutes. The guest sees it as steal, VMware calls it ready.',
    unit: 'percentunit',
    queries: [{ expr: STEAL, legend: LEGEND.vm }],
    limits: bySteal(),
    span: 4,
  });

export const cpuByVcpu = () =>
  graph({
    title: 'CPU usage by vCPU',
    help: 'Run / wall time of each vCPU.',
    unit: 'percentunit',
    queries: [
      {
        expr: rateOf('libvirt_domain_vcpu_time_seconds_total', CHOSEN_VM),
        legend: `{{domain}} vCPU {{vcpu}} ${LEGEND.host}`,
      },
    ],
    max: 1,
  });

export const stealByVcpu = () =>
  graph({
    title: 'CPU steal (ready) by vCPU',
    help: 'Delay / wall time of each vCPU: ready to run, but without a CPU. One vCPU with steal: its CPU is shared. All: the host is overcommitted.',
    unit: 'percentunit',
    queries: [
      {
        expr: rateOf('libvirt_domain_vcpu_delay_seconds_total', CHOSEN_VM),
        legend: `{{domain}} vCPU {{vcpu}} ${LEGEND.host}`,
      },
    ],
    limits: bySteal(),
  });
