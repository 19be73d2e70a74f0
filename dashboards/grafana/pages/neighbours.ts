import { limitsOf } from '../limits.ts';
import { rowToVm, seriesToVm } from '../links.ts';
import { type Page, page } from '../page.ts';
import { graph, stack } from '../panels.ts';
import { CHOSEN_VM, of, rateOf } from '../query.ts';
import { rows } from '../table.ts';
import { domain, instance, job } from '../variables.ts';

const DELAY = of('domain:virtune_vcpu_delay:ratio_rate5m');
const USED = of('domain:virtune_vcpu_time:sum_rate5m');
const CPU_OF_VCPU = of('libvirt_domain_vcpu_cpu');
const byDelay = () =>
  limitsOf('green', ['orange', 'DomainVcpuDelayHigh', 'delay'], ['red', 'DomainVcpuDelayCritical', 'delay']);

/** Choose the VM that waits; the page says who ran meanwhile, on the same host and the same CPUs. */
export function neighboursPage(): Page {
  return page({
    name: 'neighbours',
    title: 'KVM noisy neighbours',
    help: 'While the chosen VM waits: who runs on its host, who on its CPUs, and who floods its disks and network.',
    variables: [job(), instance(), domain()],
    rows: [
      { title: 'Who waits, and who runs', panels: [victims(), suspects()] },
      { title: 'On the same CPUs', panels: [sharedCpus(), pinned()] },
      { title: 'On the same disks and network', panels: [requests(), bytes(), network(), latencyOfAll()] },
    ],
  });
}

const victims = () =>
  graph({
    title: 'The chosen VMs wait',
    help: "Share of the time that each of a chosen VM's vCPUs waited for a CPU.",
    unit: 'percentunit',
    queries: [
      { expr: of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM), legend: '{{domain}} {{instance}}' },
    ],
    limits: byDelay(),
    links: [seriesToVm()],
  });

const suspects = () =>
  stack({
    title: 'Who runs on their hosts',
    help: 'CPUs used by the ten largest VMs of the hosts on which chosen VMs are. Rises together with the waiting: look there.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, ${USED} and on (job, instance) ${of('domain:virtune_vcpu_delay:ratio_rate5m', CHOSEN_VM)})`,
        legend: '{{domain}} {{instance}}',
      },
    ],
    links: [seriesToVm()],
  });

/** A vCPU's CPU is a value, so it is made a label first: count_values. */
const cpusOf = (selector: string): string => `count_values by (job, instance, domain) ("cpu", ${selector})`;

const sharedCpus = () =>
  rows({
    title: 'Last seen on the same CPUs',
    help: 'VMs of which a vCPU was last seen on a CPU that a chosen VM uses, on how many, and how much they run. Needs --collect.placement.',
    labels: ['domain', 'instance'],
    columns: [
      {
        title: 'CPUs shared',
        expr: `count by (domain, instance, job) (${cpusOf(CPU_OF_VCPU)} and on (job, instance, cpu) ${cpusOf(of('libvirt_domain_vcpu_cpu', CHOSEN_VM))})`,
        unit: 'none',
      },
      { title: 'CPUs used', expr: USED, unit: 'short' },
      { title: 'waits', expr: DELAY, unit: 'percentunit', limits: byDelay().build() },
    ],
    links: { domain: rowToVm() },
    span: 12,
  });

const pinned = () =>
  rows({
    title: 'Pinned VMs',
    help: 'How many vCPUs of each VM are pinned, and CPUs of the host that more than one vCPU claims alone.',
    labels: ['domain', 'instance'],
    columns: [
      { title: 'vCPUs pinned', expr: `${of('libvirt_domain_vcpus_pinned')} > 0`, unit: 'none' },
      {
        title: 'vCPUs',
        expr: `${of('libvirt_domain_info_virtual_cpus')} and ${of('libvirt_domain_vcpus_pinned')} > 0`,
        unit: 'none',
      },
      {
        title: 'waits',
        expr: `${DELAY} and ${of('libvirt_domain_vcpus_pinned')} > 0`,
        unit: 'percentunit',
        limits: byDelay().build(),
      },
    ],
    links: { domain: rowToVm() },
    span: 12,
  });

const requests = () =>
  stack({
    title: 'Requests by VM',
    help: 'Reads and writes a second, the ten VMs with most.',
    unit: 'iops',
    queries: [
      {
        expr: `topk(10, sum without (target_device) (${of('device:virtune_block_requests:rate5m')}))`,
        legend: '{{domain}} {{instance}}',
      },
    ],
    links: [seriesToVm()],
  });

const bytes = () =>
  stack({
    title: 'Disk bytes by VM',
    help: 'Bytes a second read and written, the ten VMs with most.',
    unit: 'Bps',
    queries: [
      {
        expr: `topk(10, sum without (target_device) (${rateOf('libvirt_domain_block_stats_read_bytes_total')} + ${rateOf('libvirt_domain_block_stats_write_bytes_total')}))`,
        legend: '{{domain}} {{instance}}',
      },
    ],
    links: [seriesToVm()],
  });

const network = () =>
  stack({
    title: 'Network bytes by VM',
    help: 'Bytes a second received and sent, the ten VMs with most.',
    unit: 'Bps',
    queries: [
      {
        expr: `topk(10, sum without (target_device) (${rateOf('libvirt_domain_interface_stats_receive_bytes_total')} + ${rateOf('libvirt_domain_interface_stats_transmit_bytes_total')}))`,
        legend: '{{domain}} {{instance}}',
      },
    ],
    links: [seriesToVm()],
  });

const latencyOfAll = () =>
  graph({
    title: 'Time of a request, by host',
    help: 'Mean time of a read or write over all VMs of a host: when the storage is flooded, all of them wait.',
    unit: 's',
    queries: [{ expr: of('instance:virtune_block_request_seconds:mean_rate5m'), legend: '{{instance}}' }],
    limits: limitsOf('green', ['orange', 'DiskLatencyHigh', 'seconds']),
  });
