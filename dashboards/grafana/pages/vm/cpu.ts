import { limitsOf } from '../../limits.ts';
import { figure, graph } from '../../panels.ts';
import { CHOSEN_VM, of, rateOf } from '../../query.ts';
import { DOMAIN_STATES } from '../../states.ts';

const DELAY = of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM);
const byDelay = () =>
  limitsOf('green', ['orange', 'DomainVcpuDelayHigh', 'delay'], ['red', 'DomainVcpuDelayCritical', 'delay']);

export const stateFigure = () =>
  figure({
    title: 'State',
    help: "libvirt's own word for it; why it is so, virsh domstate --reason says.",
    unit: 'none',
    queries: [{ expr: of('libvirt_domain_info_state', CHOSEN_VM), legend: '{{domain}}' }],
    words: DOMAIN_STATES,
    span: 4,
  });

export const vcpus = () =>
  figure({
    title: 'vCPUs',
    help: 'vCPUs that it has now.',
    unit: 'none',
    queries: [{ expr: of('libvirt_domain_info_virtual_cpus', CHOSEN_VM), legend: '{{domain}}' }],
    span: 4,
  });

export const cpuFigure = () =>
  figure({
    title: 'Runs',
    help: 'Share of the time that each of its vCPUs ran, on average over 5 minutes.',
    unit: 'percentunit',
    queries: [{ expr: of('domain:virtune_vcpu_usage:ratio_rate5m', CHOSEN_VM), legend: '{{domain}}' }],
    span: 4,
  });

export const delayFigure = () =>
  figure({
    title: 'Waits for a CPU',
    help: "Share of the time that each of its vCPUs waited, on average over 5 minutes: the guest's steal.",
    unit: 'percentunit',
    queries: [{ expr: DELAY, legend: '{{domain}}' }],
    limits: byDelay(),
    span: 4,
  });

export const cpuByVcpu = () =>
  graph({
    title: 'Running, by vCPU',
    help: 'Share of the time that each vCPU ran.',
    unit: 'percentunit',
    queries: [
      {
        expr: rateOf('libvirt_domain_vcpu_time_seconds_total', CHOSEN_VM),
        legend: '{{domain}} vCPU {{vcpu}}',
      },
    ],
    max: 1,
  });

export const cpuDelay = () =>
  graph({
    title: 'Waiting for a CPU, by vCPU',
    help: 'Share of the time that each vCPU could have run and got no CPU. One alone: its pin is shared; all: the host is full.',
    unit: 'percentunit',
    queries: [
      {
        expr: rateOf('libvirt_domain_vcpu_delay_seconds_total', CHOSEN_VM),
        legend: '{{domain}} vCPU {{vcpu}}',
      },
    ],
    limits: byDelay(),
  });
