import { type RecordedName, recordedSeries } from '../recording.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, percent, SHARE, VM, WHOLE, worstOfHost } from '../text.ts';

const STEAL = 'domain:virtune_vcpu_delay:ratio_rate5m' satisfies RecordedName;
const VMWARE = "VMware's CPU ready: 5 to 10 % is significant, over 10 % is bad";

export const cpuAlerts: AlertGroup = {
  name: 'cpu',
  help: 'VMs that wait for CPU, and hosts that have no CPU left.',
  alerts: [
    alert({
      alert: 'DomainCpuStealHigh',
      severity: 'warning',
      subject: 'vm',
      component: 'cpu',
      for: '15m',
      thresholds: { steal: { value: 0.05, unit: 'share', from: VMWARE } },
      expr: ({ steal }, { recorded }) => `${recorded(STEAL)} > ${steal}`,
      summary: () => `${VM} on ${HOST} has ${SHARE} CPU steal.`,
      description: ({ steal }) =>
        `Its vCPUs were ready to run but had no CPU for more than ${percent(steal)} of the time. Check which VMs share its CPUs.`,
    }),
    alert({
      alert: 'DomainCpuStealCritical',
      severity: 'critical',
      subject: 'vm',
      component: 'cpu',
      for: '10m',
      thresholds: { steal: { value: 0.1, unit: 'share', from: VMWARE } },
      expr: ({ steal }, { recorded }) => `${recorded(STEAL)} > ${steal}`,
      summary: () => `${VM} on ${HOST} has ${SHARE} CPU steal.`,
      description: ({ steal }) =>
        `Its vCPUs were ready to run but had no CPU for more than ${percent(steal)} of the time; workloads in the guest stall. Highest steal on this host:${worstOfHost(recordedSeries(STEAL))}. Migrate this VM or a neighbour, or pin it to dedicated CPUs.`,
    }),
    alert({
      alert: 'HostCpuSaturated',
      severity: 'warning',
      subject: 'host',
      component: 'cpu',
      for: '15m',
      thresholds: { busy: { value: 0.9, unit: 'share', from: "node-mixin's NodeCPUHighUsage" } },
      expr: ({ busy }, { recorded }) =>
        `${recorded('instance:virtune_host_cpu_busy:ratio_rate5m')} > ${busy}`,
      summary: () => `CPU utilization of ${HOST} is ${SHARE}.`,
      description: () =>
        'Any further load takes CPU time from other VMs. Find the VMs that use the most CPU, and migrate one.',
    }),
    alert({
      alert: 'HostCpuStealHigh',
      severity: 'warning',
      subject: 'host',
      component: 'cpu',
      for: '20m',
      thresholds: {
        steal: {
          value: 0.05,
          unit: 'share',
          from: "where netdata's alarm (10 % for 20 minutes) clears",
        },
      },
      expr: ({ steal }, { recorded }) =>
        `${recorded('instance:virtune_host_cpu_steal:ratio_rate5m')} > ${steal}`,
      summary: () => `${HOST} has ${SHARE} CPU steal.`,
      description: () =>
        'This host is itself a VM, and the hypervisor below it is overcommitted. Tuning here does not help. Contact the operator of that hypervisor.',
    }),
    alert({
      alert: 'HostCpuPressure',
      severity: 'warning',
      subject: 'host',
      component: 'cpu',
      for: '15m',
      thresholds: {
        some: { value: 0.3, unit: 'share', from: 'our choice: some task waits a third of the time' },
      },
      expr: ({ some }, { recorded }) =>
        `${recorded('instance:virtune_host_pressure:ratio_rate5m', 'resource="cpu"', 'share="some"')} > ${some}`,
      summary: () => `CPU pressure on ${HOST} is ${SHARE} (PSI some).`,
      description: () =>
        'At least one runnable task, of a VM or any other process, waits for a CPU. Compare with the CPU steal of VMs: if it is low, look for other processes.',
    }),
    alert({
      alert: 'PinnedCpuShared',
      severity: 'warning',
      subject: 'host',
      component: 'tuning',
      for: '15m',
      thresholds: {},
      expr: (_, { metric }) => `${metric('libvirt_host_cpus_dedicated_twice')} > 0`,
      summary: () => `${WHOLE} CPUs of ${HOST} are each dedicated to more than one vCPU.`,
      description: () =>
        'Each of these vCPUs is pinned to a single CPU but has to share it. Find the overlapping pins and plan the placement again.',
    }),
  ],
};
