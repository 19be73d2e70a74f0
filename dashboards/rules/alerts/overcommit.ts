import { metric, ON_HOST, ON_VM } from '../../promql.ts';
import { recordedSeries } from '../recording.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { FLEET, HOST, NUMBER, ofHost, percent, SHARE, VM, worstOfHost } from '../text.ts';

const VCPU_RATIO = ['libvirt_host_vcpu_overcommit_ratio', 'state="running"'] as const;
const RED_HAT = "Red Hat's virtualization guides: 5 vCPUs per CPU are safe, 10 is the maximum";
const NOVA = "Nova's ram_allocation_ratio of 1.0; oVirt-like hosts with swap take 1.5";

/**
 * Allocated versus physical resources. A high ratio alone is at most a warning; together with contention it is more.
 */
export const overcommitAlerts: AlertGroup = {
  name: 'overcommit',
  help: 'vCPUs and memory allocated to VMs against what hosts have, and the contention it causes.',
  alerts: [
    alert({
      alert: 'HostVcpuOvercommitHigh',
      severity: 'info',
      subject: 'host',
      component: 'cpu',
      for: '1h',
      thresholds: { ratio: { value: 5, unit: 'ratio', from: RED_HAT } },
      expr: ({ ratio }, { metric }) => `${metric(...VCPU_RATIO)} > ${ratio}`,
      summary: () => `${HOST} runs ${NUMBER} vCPUs per CPU.`,
      description: ({ ratio }) =>
        `The vCPU:pCPU ratio is above ${ratio}. VMs may not be affected yet: check CPU contention on the host, and schedule no more VMs here.`,
    }),
    alert({
      alert: 'HostCpuContentionHigh',
      severity: 'warning',
      subject: 'host',
      component: 'cpu',
      for: '15m',
      thresholds: {
        ratio: {
          value: 1,
          unit: 'ratio',
          from: 'below 1, contention comes from pins or quotas, not from overcommit',
        },
        contention: {
          value: 0.1,
          unit: 'share',
          from: 'twice what VMware calls significant: a tenth of CPU demand is not served',
        },
        shortfall: {
          value: 0.1,
          unit: 'count',
          from: 'our choice: below a tenth of a CPU there is almost no demand',
        },
      },
      expr: ({ ratio, contention, shortfall }, { metric, recorded }) =>
        `${recorded('instance:virtune_vcpu_contention:ratio_rate5m')} > ${contention} and ${ON_HOST} ${recorded('instance:virtune_vcpu_delay:sum_rate5m')} > ${shortfall} and ${ON_HOST} ${metric(...VCPU_RATIO)} > ${ratio}`,
      summary: () =>
        `CPU contention on ${HOST} is ${SHARE} at ${ofHost(metric(...VCPU_RATIO), 'printf "%.1f"')} vCPUs per CPU.`,
      description: ({ contention }) =>
        `More than ${percent(contention)} of the CPU demand of VMs is not served. Highest steal:${worstOfHost(recordedSeries('domain:virtune_vcpu_delay:ratio_rate5m'))}. Migrate VMs, or pin latency-sensitive ones to dedicated CPUs.`,
    }),
    alert({
      alert: 'HostMemoryOvercommitHigh',
      severity: 'warning',
      subject: 'host',
      component: 'memory',
      for: '30m',
      thresholds: { ratio: { value: 1, unit: 'ratio', from: NOVA } },
      expr: ({ ratio }, { metric }) =>
        `${metric('libvirt_host_memory_overcommit_ratio', 'kind="maximum"')} > ${ratio}`,
      summary: () => `Memory of ${HOST} is overcommitted: ${SHARE} allocated to VMs.`,
      description: ({ ratio }) =>
        `VMs may use more than ${percent(ratio)} of the host's memory. If they do, the host swaps or OOM-kills. Migrate a VM, or lower its maximum memory.`,
    }),
    alert({
      alert: 'FleetCannotTolerateHostLossCpu',
      severity: 'warning',
      subject: 'fleet',
      component: 'fleet-cpu',
      for: '15m',
      thresholds: { ratio: { value: 5, unit: 'ratio', from: `as HostVcpuOvercommitHigh; ${RED_HAT}` } },
      expr: ({ ratio }, { recorded }) =>
        `${recorded('cluster:virtune_vcpu_overcommit_after_host_loss:ratio')} > ${ratio}`,
      summary: () => `If its largest host fails, ${FLEET} runs ${NUMBER} vCPUs per CPU.`,
      description: ({ ratio }) =>
        `That is above ${ratio}: VMs that restart on other hosts cause contention there. Add a host, or stop VMs that are not needed.`,
    }),
    alert({
      alert: 'FleetCannotTolerateHostLossMemory',
      severity: 'warning',
      subject: 'fleet',
      component: 'fleet-memory',
      for: '15m',
      thresholds: { ratio: { value: 1, unit: 'ratio', from: NOVA } },
      expr: ({ ratio }, { recorded }) =>
        `${recorded('cluster:virtune_memory_overcommit_after_host_loss:ratio')} > ${ratio}`,
      summary: () => `If its largest host fails, ${FLEET} needs ${SHARE} of the remaining memory.`,
      description: () =>
        'Not all VMs could restart. Add a host, or lower the maximum memory of VMs, before that happens.',
    }),
    alert({
      alert: 'FleetCannotTolerateHostLossHugepages',
      severity: 'warning',
      subject: 'fleet',
      component: 'fleet-hugepages',
      for: '15m',
      thresholds: {},
      expr: (_, { recorded }) => `${recorded('cluster:virtune_hugepages_after_host_loss:ratio')} > 1`,
      summary: () =>
        `If the host with the largest pools fails, ${FLEET} {{ if gt $value 1e9 }}has no huge pages{{ else }}needs ${SHARE} of the remaining huge pages{{ end }}.`,
      description: () =>
        'Not all VMs on huge pages could restart: a pool cannot be overcommitted. Allocate more huge pages on the other hosts, or add a host.',
    }),
    alert({
      alert: 'DomainVcpusExceedHost',
      severity: 'warning',
      subject: 'vm',
      component: 'cpu',
      for: '5m',
      thresholds: {},
      expr: (_, { metric }) =>
        `${metric('libvirt_domain_wider_than_host')} == 1 unless ${ON_VM} ${metric('libvirt_domain_info_state', 'state_desc!="running"')}`,
      summary: () => `${VM} has more vCPUs than ${HOST} has CPUs.`,
      description: () =>
        'Its own vCPUs compete for CPUs, and guest spinlocks make it worse. Reduce its vCPUs, or move it to a larger host.',
    }),
  ],
};
