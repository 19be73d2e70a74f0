import { HOST_IDENTITY, ON_HOST, ON_VM } from '../../promql.ts';
import { LEGEND } from '../legends.ts';
import { rowToVm, seriesToVm } from '../links.ts';
import { type Page, page } from '../page.ts';
import { graph, stack } from '../panels.ts';
import { byHost, CHOSEN_VM, of, rateOfVms } from '../query.ts';
import { byRequestLatency, bySteal } from '../shared-limits.ts';
import { rows } from '../table.ts';
import { diskRequestsByVm } from './disk-requests.ts';

const STEAL = of('domain:virtune_vcpu_delay:ratio_rate5m');
const USED = of('domain:virtune_vcpu_time:sum_rate5m');
const CPU_OF_VCPU = of('libvirt_domain_vcpu_cpu');

/** For a selected VM with steal: shows which VMs ran on the same host and CPUs at the same time. */
export function neighboursPage(): Page {
  return page({
    name: 'neighbours',
    title: 'KVM noisy neighbours',
    help: 'For a VM with CPU steal: which VMs use CPU on its host and on the same CPUs, and which saturate disks and network.',
    scope: 'vm',
    rows: [
      { title: 'Steal and CPU usage', panels: [victims(), suspects()] },
      { title: 'Shared CPUs', panels: [sharedCpus(), pinned()] },
      { title: 'Shared disks and network', panels: [diskRequestsByVm(), bytes(), network(), latencyOfAll()] },
    ],
  });
}

const victims = () =>
  graph({
    title: 'CPU steal (ready) of selected VMs',
    help: 'Delay / wall time per vCPU, mean over the vCPUs of a VM, 5 minutes.',
    unit: 'percentunit',
    queries: [
      {
        expr: of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM),
        legend: LEGEND.vm,
      },
    ],
    limits: bySteal(),
    links: [seriesToVm()],
  });

const suspects = () =>
  stack({
    title: 'CPU usage on the same hosts',
    help: 'CPUs used by the ten busiest VMs on the hosts of the selected VMs. A VM whose usage rises together with the steal is a suspect.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, ${USED} and ${ON_HOST} ${of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM)})`,
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
  });

/** A vCPU's CPU is a sample value: count_values turns it into a label. */
const cpusOf = (selector: string): string => `count_values ${byHost('domain')} ("cpu", ${selector})`;

/** By VM: the number of CPUs that it shared with a selected VM when last sampled. */
const SHARED = `count ${byHost('domain')} (${cpusOf(CPU_OF_VCPU)} and on (${HOST_IDENTITY.join(', ')}, cpu) ${cpusOf(of('libvirt_domain_vcpu_cpu', CHOSEN_VM))})`;

const sharedCpus = () =>
  rows({
    title: 'VMs last seen on the same CPUs',
    help: 'VMs with a vCPU last seen on a CPU of a selected VM, how many CPUs they share, and their CPU usage. Needs --collect.placement.',
    labels: ['domain'],
    columns: [
      {
        title: 'shared CPUs',
        expr: SHARED,
        unit: 'none',
      },
      { title: 'CPUs used', expr: `${USED} and ${ON_VM} ${SHARED}`, unit: 'short' },
      {
        title: 'steal',
        expr: `${STEAL} and ${ON_VM} ${SHARED}`,
        unit: 'percentunit',
        limits: bySteal().build(),
      },
    ],
    links: { domain: rowToVm() },
    span: 12,
  });

const pinned = () =>
  rows({
    title: 'Pinned VMs',
    help: 'VMs with pinned vCPUs: how many are pinned, of how many, and CPU steal.',
    labels: ['domain'],
    columns: [
      { title: 'pinned vCPUs', expr: `${of('libvirt_domain_vcpus_pinned')} > 0`, unit: 'none' },
      {
        title: 'vCPUs',
        expr: `${of('libvirt_domain_info_virtual_cpus')} and ${ON_VM} ${of('libvirt_domain_vcpus_pinned')} > 0`,
        unit: 'none',
      },
      {
        title: 'steal',
        expr: `${STEAL} and ${ON_VM} ${of('libvirt_domain_vcpus_pinned')} > 0`,
        unit: 'percentunit',
        limits: bySteal().build(),
      },
    ],
    links: { domain: rowToVm() },
    span: 12,
  });

const bytes = () =>
  stack({
    title: 'Disk throughput by VM',
    help: 'Bytes read and written per second. The ten VMs with the most.',
    unit: 'Bps',
    queries: [
      {
        expr: `topk(10, ${rateOfVms('libvirt_domain_block_stats_read_bytes_total')} + ${rateOfVms('libvirt_domain_block_stats_write_bytes_total')})`,
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
  });

const network = () =>
  stack({
    title: 'Network traffic by VM',
    help: 'Bytes received and sent per second. The ten VMs with the most.',
    unit: 'Bps',
    queries: [
      {
        expr: `topk(10, ${rateOfVms('libvirt_domain_interface_stats_receive_bytes_total')} + ${rateOfVms('libvirt_domain_interface_stats_transmit_bytes_total')})`,
        legend: LEGEND.vm,
      },
    ],
    links: [seriesToVm()],
  });

const latencyOfAll = () =>
  graph({
    title: 'Request latency by host',
    help: 'Mean latency of reads and writes over all VMs of a host. Saturated storage slows all of them.',
    unit: 's',
    queries: [{ expr: of('instance:virtune_block_request_seconds:mean_rate5m'), legend: LEGEND.host }],
    limits: byRequestLatency(),
  });
