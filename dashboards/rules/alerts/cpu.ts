import { metric } from '../../promql.ts';
import { recorded } from '../recording.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, percent, SHARE, VM, WHOLE, worstOfHost } from '../text.ts';

const DELAY = recorded('domain:virtune_vcpu_delay:ratio_rate5m');
const VMWARE = "VMware's CPU ready: 5 to 10 % is significant, over 10 % is bad";

export const cpuAlerts: AlertGroup = {
  name: 'cpu',
  help: 'VMs that wait for CPUs, and hosts that have none left.',
  alerts: [
    alert({
      alert: 'DomainVcpuDelayHigh',
      severity: 'warning',
      component: 'cpu',
      for: '15m',
      thresholds: { delay: { value: 0.05, unit: 'share', from: VMWARE } },
      expr: ({ delay }) => `${DELAY} > ${delay}`,
      summary: () => `${VM} on ${HOST} waits for a CPU ${SHARE} of the time.`,
      description: ({ delay }) =>
        `Each of its vCPUs, over ${percent(delay)}: the guest sees it as steal. See who shares its CPUs.`,
    }),
    alert({
      alert: 'DomainVcpuDelayCritical',
      severity: 'critical',
      component: 'cpu',
      for: '10m',
      thresholds: { delay: { value: 0.1, unit: 'share', from: VMWARE } },
      expr: ({ delay }) => `${DELAY} > ${delay}`,
      summary: () => `${VM} on ${HOST} waits for a CPU ${SHARE} of the time.`,
      description: ({ delay }) =>
        `Each of its vCPUs, over ${percent(delay)}: what runs in it is late. Waiting most on this host:${worstOfHost(DELAY)}. Move it or a neighbour away, or give it CPUs of its own.`,
    }),
    alert({
      alert: 'HostCpuSaturated',
      severity: 'warning',
      component: 'cpu',
      for: '15m',
      thresholds: { busy: { value: 0.9, unit: 'share', from: "node-mixin's NodeCPUHighUsage" } },
      expr: ({ busy }) => `${recorded('instance:virtune_host_cpu_busy:ratio_rate5m')} > ${busy}`,
      summary: () => `The CPUs of ${HOST} are busy ${SHARE} of the time.`,
      description: () =>
        'The next VM that wants more takes it from the others. See which VMs use it, and move one away.',
    }),
    alert({
      alert: 'HostStolenFromUs',
      severity: 'warning',
      component: 'cpu',
      for: '20m',
      thresholds: {
        steal: {
          value: 0.05,
          unit: 'share',
          from: "where netdata's alarm (10 % for 20 minutes) clears",
        },
      },
      expr: ({ steal }) => `${recorded('instance:virtune_host_cpu_steal:ratio_rate5m')} > ${steal}`,
      summary: () => `A hypervisor below ${HOST} takes ${SHARE} of its CPU time.`,
      description: () =>
        'The host is itself a VM, and its own host is overcommitted: nothing that is tuned here helps. Ask whoever runs it.',
    }),
    alert({
      alert: 'HostCpuPressure',
      severity: 'warning',
      component: 'cpu',
      for: '15m',
      thresholds: {
        some: { value: 0.3, unit: 'share', from: 'ours: a third of the time somebody waits who could run' },
      },
      expr: ({ some }) =>
        `${recorded('instance:virtune_host_pressure:ratio_rate5m', 'resource="cpu"', 'share="some"')} > ${some}`,
      summary: () => `On ${HOST} something that could run waits for a CPU ${SHARE} of the time.`,
      description: () =>
        "By the kernel's pressure stall information, VMs and all else counted. Compare with the delay of VMs: if they are well, look for other processes.",
    }),
    alert({
      alert: 'PinnedCpuShared',
      severity: 'warning',
      component: 'tuning',
      for: '15m',
      thresholds: {},
      expr: () => `${metric('libvirt_host_cpus_dedicated_twice')} > 0`,
      summary: () => `${WHOLE} CPUs of ${HOST} are dedicated to more than one vCPU.`,
      description: () =>
        'Each of those vCPUs was to have a CPU alone, and has half of one. Find the pins that overlap and plan them anew.',
    }),
  ],
};
