import { IDLE_HOSTS } from '../../contention.ts';
import { LEGEND } from '../../legends.ts';
import { limitsOf } from '../../limits.ts';
import { seriesToVm } from '../../links.ts';
import { figure, graph, stack } from '../../panels.ts';
import { byHost, of, rateOf } from '../../query.ts';
import { byContention, bySteal } from '../../shared-limits.ts';

const byBusy = () => limitsOf('green', ['orange', 'HostCpuSaturated', 'busy']);

const CONTENTION = of('instance:virtune_vcpu_contention:ratio_rate5m');

export const vcpuRatio = () =>
  figure({
    title: 'vCPU:pCPU ratio',
    help: 'Running vCPUs per online CPU. vCPUs of paused VMs do not count.',
    unit: 'short',
    queries: [
      {
        expr: `max ${byHost()} (${of('libvirt_host_vcpu_overcommit_ratio', 'state="running"')})`,
        legend: LEGEND.host,
      },
    ],
    limits: limitsOf('green', ['orange', 'HostVcpuOvercommitHigh', 'ratio']),
    span: 4,
  });

export const cpuContention = () =>
  figure({
    title: 'CPU contention',
    help: `% of CPU demand not served: delay / (delay + run) over all VMs of the host, 5 minutes. ${IDLE_HOSTS}`,
    unit: 'percentunit',
    queries: [{ expr: `max ${byHost()} (${CONTENTION})`, legend: LEGEND.host }],
    limits: byContention(),
    span: 4,
  });

export const busy = () =>
  figure({
    title: 'CPU utilization',
    help: 'Share of time that CPUs were not idle. Waiting for I/O counts as idle.',
    unit: 'percentunit',
    queries: [
      {
        expr: `max ${byHost()} (${of('instance:virtune_host_cpu_busy:ratio_rate5m')})`,
        legend: LEGEND.host,
      },
    ],
    limits: byBusy(),
    span: 4,
  });

export const cpuByMode = () =>
  stack({
    title: 'CPU by mode',
    help: 'CPUs used on the host, by mode. Guest code counts as user time; system time is I/O, networking and VM exits.',
    unit: 'short',
    queries: [
      {
        expr: `sum ${byHost('mode')} (${rateOf('libvirt_host_cpu_seconds_total', 'mode!~"idle|guest|guest_nice"')})`,
        legend: `{{mode}} ${LEGEND.host}`,
      },
    ],
  });

export const vmsByCpu = () =>
  stack({
    title: 'CPU by VM',
    help: 'CPUs used per VM. The ten VMs that use the most.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, ${of('domain:virtune_vcpu_time:sum_rate5m')})`,
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
  });

export const cpuStealByVm = () =>
  graph({
    title: 'CPU steal (ready) by VM',
    help: 'Delay / wall time per vCPU, mean over the vCPUs of a VM, 5 minutes. The ten VMs with the most steal.',
    unit: 'percentunit',
    queries: [
      {
        expr: `topk(10, ${of('domain:virtune_vcpu_delay:ratio_rate5m')})`,
        legend: LEGEND.vm,
      },
    ],
    limits: bySteal(),
    links: [seriesToVm()],
  });

export const cpuPressure = () =>
  graph({
    title: 'CPU contention and pressure',
    help: `CPU contention of VMs, CPU pressure of all tasks (PSI some), and steal of the host where it is itself a VM. ${IDLE_HOSTS}`,
    unit: 'percentunit',
    queries: [
      { expr: CONTENTION, legend: `contention ${LEGEND.host}` },
      {
        expr: of('instance:virtune_host_pressure:ratio_rate5m', 'resource="cpu"', 'share="some"'),
        legend: `pressure (some) ${LEGEND.host}`,
      },
      {
        expr: of('instance:virtune_host_cpu_steal:ratio_rate5m'),
        legend: `host steal ${LEGEND.host}`,
      },
    ],
    limits: byContention(),
  });
