import { BY_HOST, BY_VM, metric } from '../../promql.ts';
import { recorded } from '../recording.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { FLEET, HOST, NUMBER, ofHost, percent, SHARE, VM, worstOfHost } from '../text.ts';

const VCPU_RATIO = metric('libvirt_host_vcpu_overcommit_ratio', 'state="running"');
const MEMORY_RATIO = metric('libvirt_host_memory_overcommit_ratio', 'kind="maximum"');
const CONTENTION = recorded('instance:virtune_vcpu_contention:ratio_rate5m');
const RED_HAT = "Red Hat's virtualization guides: 5 vCPUs a CPU are safe, 10 the most";
const NOVA = "Nova's ram_allocation_ratio of 1.0; oVirt-like hosts with swap take 1.5";

/** What is promised against what there is. A ratio alone warns at most; a ratio with harm wakes somebody. */
export const overcommitAlerts: AlertGroup = {
  name: 'overcommit',
  help: 'What is promised to VMs against what hosts have, and whether it hurts.',
  alerts: [
    alert({
      alert: 'HostVcpuOvercommitHigh',
      severity: 'info',
      component: 'cpu',
      for: '1h',
      thresholds: { ratio: { value: 5, unit: 'ratio', from: RED_HAT } },
      expr: ({ ratio }) => `${VCPU_RATIO} > ${ratio}`,
      summary: () => `${HOST} runs ${NUMBER} vCPUs for each CPU.`,
      description: ({ ratio }) =>
        `More than ${ratio}. Nobody need be hurt: look at the host's contention, and place no further VMs here.`,
    }),
    alert({
      alert: 'HostVcpuOvercommitHarmful',
      severity: 'warning',
      component: 'cpu',
      for: '15m',
      thresholds: {
        ratio: {
          value: 1,
          unit: 'ratio',
          from: 'below it, waiting comes from pins or quotas and not from overcommit',
        },
        contention: {
          value: 0.1,
          unit: 'share',
          from: 'twice what VMware calls significant: a tenth of all work waits',
        },
      },
      expr: ({ ratio, contention }) =>
        `${CONTENTION} > ${contention} and ${BY_HOST} ${VCPU_RATIO} > ${ratio}`,
      summary: () =>
        `VMs on ${HOST} do not get ${SHARE} of the CPU time they want, at ${ofHost(VCPU_RATIO, 'printf "%.1f"')} vCPUs a CPU.`,
      description: ({ contention }) =>
        `Over ${percent(contention)}. Worst off:${worstOfHost(recorded('domain:virtune_vcpu_delay:ratio_rate5m'))}. Move VMs away, or pin those that must not wait.`,
    }),
    alert({
      alert: 'HostMemoryOvercommitHigh',
      severity: 'warning',
      component: 'memory',
      for: '30m',
      thresholds: { ratio: { value: 1, unit: 'ratio', from: NOVA } },
      expr: ({ ratio }) => `${MEMORY_RATIO} > ${ratio}`,
      summary: () => `VMs on ${HOST} may take ${SHARE} of its memory.`,
      description: ({ ratio }) =>
        `More than ${percent(ratio)} is promised: if guests use it all, the host swaps or kills. Move a VM away, or lower maximum memory.`,
    }),
    alert({
      alert: 'HostMemoryOvercommitHarmful',
      severity: 'critical',
      component: 'memory',
      for: '5m',
      thresholds: {
        ratio: { value: 0.9, unit: 'ratio', from: "the host's own needs are the rest" },
        stalled: { value: 0.05, unit: 'share', from: 'as HostMemoryStalled' },
        swapIn: { value: 100, unit: 'pages per second', from: 'as HostSwappingIn' },
      },
      expr: ({ ratio, stalled, swapIn }) =>
        `${MEMORY_RATIO} > ${ratio} and ${BY_HOST} (${recorded('instance:virtune_host_pressure:ratio_rate5m', 'resource="memory"', 'share="full"')} > ${stalled} or ${recorded('instance:virtune_host_swapped_in_pages:rate5m')} > ${swapIn})`,
      summary: () => `${HOST} has promised ${SHARE} of its memory and stalls for want of it.`,
      description: () =>
        'All its VMs are slow and the kernel may kill one. Migrate the largest VM that can move, now; then see who grew.',
    }),
    alert({
      alert: 'FleetCannotTolerateHostLossCpu',
      severity: 'warning',
      component: 'fleet-cpu',
      for: '15m',
      thresholds: { ratio: { value: 5, unit: 'ratio', from: `as HostVcpuOvercommitHigh; ${RED_HAT}` } },
      expr: ({ ratio }) => `${recorded('cluster:virtune_vcpu_overcommit_after_host_loss:ratio')} > ${ratio}`,
      summary: () => `If its largest host is lost, ${FLEET} would run ${NUMBER} vCPUs for each CPU.`,
      description: ({ ratio }) =>
        `More than ${ratio}: VMs that restart elsewhere would make the others wait. Add a host, or stop what need not run.`,
    }),
    alert({
      alert: 'FleetCannotTolerateHostLossMemory',
      severity: 'warning',
      component: 'fleet-memory',
      for: '15m',
      thresholds: { ratio: { value: 1, unit: 'ratio', from: NOVA } },
      expr: ({ ratio }) =>
        `${recorded('cluster:virtune_memory_overcommit_after_host_loss:ratio')} > ${ratio}`,
      summary: () => `If its largest host is lost, ${FLEET} would need ${SHARE} of the memory that is left.`,
      description: () =>
        'Not all of its VMs could start again. Add a host, or lower what VMs are promised, before it happens.',
    }),
    alert({
      alert: 'DomainWiderThanHost',
      severity: 'warning',
      component: 'cpu',
      for: '5m',
      thresholds: {},
      expr: () =>
        `${metric('libvirt_domain_wider_than_host')} == 1 and ${BY_VM} ${metric('libvirt_domain_info_state', 'state_desc="running"')}`,
      summary: () => `${VM} has more vCPUs than ${HOST} has CPUs.`,
      description: () =>
        'Its own vCPUs wait for each other, and spinlocks in the guest make it worse. Give it fewer, or a larger host.',
    }),
  ],
};
