import { limitsOf } from '../../limits.ts';
import { seriesToVm } from '../../links.ts';
import { figure, graph, stack } from '../../panels.ts';
import { of, rateOf } from '../../query.ts';

const CONTENTION = of('instance:virtune_vcpu_contention:ratio_rate5m');
const byContention = () => limitsOf('green', ['red', 'HostVcpuOvercommitHarmful', 'contention']);
const byBusy = () => limitsOf('green', ['orange', 'HostCpuSaturated', 'busy']);

export const vcpuRatio = () =>
  figure({
    title: 'vCPUs a CPU',
    help: 'vCPUs of VMs that run, for each CPU that is online; those of paused VMs are left out.',
    unit: 'short',
    queries: [{ expr: `max(${of('libvirt_host_vcpu_overcommit_ratio', 'state="running"')})` }],
    limits: limitsOf('green', ['orange', 'HostVcpuOvercommitHigh', 'ratio']),
    span: 4,
  });

export const cpuFigure = () =>
  figure({
    title: 'CPU time not given',
    help: 'Share of the CPU time that vCPUs wanted and did not get, over 5 minutes.',
    unit: 'percentunit',
    queries: [{ expr: `max(${CONTENTION})` }],
    limits: byContention(),
    span: 4,
  });

export const busy = () =>
  figure({
    title: 'CPU busy',
    help: 'Share of the time that CPUs were not idle; waiting for I/O counts as idle.',
    unit: 'percentunit',
    queries: [{ expr: `max(${of('instance:virtune_host_cpu_busy:ratio_rate5m')})` }],
    limits: byBusy(),
    span: 4,
  });

export const cpuByMode = () =>
  stack({
    title: 'CPU by mode',
    help: "CPUs that the host used, by mode. A guest's own work is user time; kernel time beside it is I/O, networking and exits.",
    unit: 'short',
    queries: [
      {
        expr: `sum by (mode) (${rateOf('libvirt_host_cpu_seconds_total', 'mode!~"idle|guest|guest_nice"')})`,
        legend: '{{mode}}',
      },
    ],
  });

export const vmsByCpu = () =>
  stack({
    title: 'CPU by VM',
    help: 'CPUs that each VM used, its ten largest.',
    unit: 'short',
    queries: [{ expr: `topk(10, ${of('domain:virtune_vcpu_time:sum_rate5m')})`, legend: '{{domain}}' }],
    links: [seriesToVm()],
  });

export const cpuContention = () =>
  graph({
    title: 'Who waits for a CPU',
    help: "Share of the time that each of a VM's vCPUs waited, on average; the ten VMs that wait most.",
    unit: 'percentunit',
    queries: [{ expr: `topk(10, ${of('domain:virtune_vcpu_delay:ratio_rate5m')})`, legend: '{{domain}}' }],
    limits: limitsOf(
      'green',
      ['orange', 'DomainVcpuDelayHigh', 'delay'],
      ['red', 'DomainVcpuDelayCritical', 'delay'],
    ),
    links: [seriesToVm()],
  });

export const cpuPressure = () =>
  graph({
    title: 'Waiting and load',
    help: 'Time not given to VMs, time that any task of the host waited (PSI), and steal where the host is a VM itself.',
    unit: 'percentunit',
    queries: [
      { expr: CONTENTION, legend: 'not given to VMs {{instance}}' },
      {
        expr: of('instance:virtune_host_pressure:ratio_rate5m', 'resource="cpu"', 'share="some"'),
        legend: 'somebody waits {{instance}}',
      },
      { expr: of('instance:virtune_host_cpu_steal:ratio_rate5m'), legend: 'stolen {{instance}}' },
    ],
    limits: byContention(),
  });
