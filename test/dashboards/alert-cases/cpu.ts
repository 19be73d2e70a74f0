import { type AlertCase, firing, series } from './case.ts';

const vcpu = (domain: string, id = 0): string =>
  series('libvirt_domain_vcpu_delay_seconds_total', `domain="${domain}", vcpu="${id}"`);
const vcpus = (domain: string): string => series('libvirt_domain_vcpu_current', `domain="${domain}"`);
const hostCpu = (mode: string): string => series('libvirt_host_cpu_seconds_total', `mode="${mode}"`);

/** Two vCPUs that wait `seconds` of each minute from minute 11 to 51. */
const waits = (domain: string, seconds: number) => {
  const story = `0+0x10 0+${seconds}x40 ${seconds * 40}+0x20`;
  return { [vcpu(domain, 0)]: story, [vcpu(domain, 1)]: story, [vcpus(domain)]: '2+0x72' };
};

export const cpuCases: readonly AlertCase[] = [
  {
    alert: 'DomainCpuStealHigh',
    what: "when a VM's vCPUs wait 8 % of the time; its name is quoted, whatever it holds",
    series: waits('db\\n1', 4.8),
    at: {
      10: [],
      20: [],
      40: [
        firing(
          'warning',
          'cpu',
          { domain: 'db\n1' },
          'VM "db\\n1" on host kvm1 has 8% CPU steal.',
          'Its vCPUs were ready to run but had no CPU for more than 5 % of the time. Check which VMs share its CPUs.',
        ),
      ],
      65: [],
    },
  },
  {
    alert: 'DomainCpuStealCritical',
    what: 'when a VM waits 20 % of the time, also after another host is gone',
    series: {
      ...waits('db1', 12),
      ...waits('web1', 1.2),
      [series('libvirt_domain_vcpu_delay_seconds_total', 'domain="x", vcpu="0"', 'gone')]: '0+1x15 stale',
    },
    at: {
      10: [],
      15: [],
      40: [
        firing(
          'critical',
          'cpu',
          { domain: 'db1' },
          'VM "db1" on host kvm1 has 20% CPU steal.',
          'Its vCPUs were ready to run but had no CPU for more than 10 % of the time; workloads in the guest stall. Highest steal on this host: "db1" (20%) "web1" (2%). Migrate this VM or a neighbour, or pin it to dedicated CPUs.',
        ),
      ],
      65: [],
    },
  },
  {
    alert: 'HostCpuSaturated',
    what: 'when its CPUs idle less than a tenth of the time; guest time within user counts once',
    series: {
      [hostCpu('user')]: '0+30x10 300+57x30 2010+30x20',
      [hostCpu('guest')]: '0+30x10 300+57x30 2010+30x20',
      [hostCpu('idle')]: '0+20x10 200+2x30 260+20x20',
      // One tick backwards, which happens on Linux: not a restart.
      [hostCpu('iowait')]: '90000+10x10 90100+1x14 90113+1x15 90130+10x20',
      [series('libvirt_host_cpus', 'state="online"')]: '1+0x70',
    },
    at: {
      10: [],
      35: [
        firing(
          'warning',
          'cpu',
          {},
          'CPU utilization of host kvm1 is 95%.',
          'Any further load takes CPU time from other VMs. Find the VMs that use the most CPU, and migrate one.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'HostCpuStealHigh',
    what: 'when the host is a VM itself and loses a tenth of its time',
    series: {
      [hostCpu('user')]: '0+54x80',
      [series('libvirt_host_cpus', 'state="online"')]: '1+0x80',
      [hostCpu('steal')]: '0+0x10 0+6x40 240+0x30',
    },
    at: {
      10: [],
      40: [
        firing(
          'warning',
          'cpu',
          {},
          'Host kvm1 has 10% CPU steal.',
          'This host is itself a VM, and the hypervisor below it is overcommitted. Tuning here does not help. Contact the operator of that hypervisor.',
        ),
      ],
      65: [],
    },
  },
  {
    alert: 'HostCpuPressure',
    what: 'when some task waits half of the time',
    series: {
      [series('libvirt_host_pressure_seconds_total', 'resource="cpu", share="some"')]:
        '0+0x10 0+30x30 900+0x20',
    },
    at: {
      10: [],
      35: [
        firing(
          'warning',
          'cpu',
          { resource: 'cpu', share: 'some' },
          'CPU pressure on host kvm1 is 50% (PSI some).',
          'At least one runnable task, of a VM or any other process, waits for a CPU. Compare with the CPU steal of VMs: if it is low, look for other processes.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'PinnedCpuShared',
    what: 'while two vCPUs are pinned alone to the same CPU',
    series: { [series('libvirt_host_cpus_dedicated_twice')]: '0+0x5 2+0x30 0+0x10' },
    at: {
      5: [],
      15: [],
      30: [
        firing(
          'warning',
          'tuning',
          {},
          '2 CPUs of host kvm1 are each dedicated to more than one vCPU.',
          'Each of these vCPUs is pinned to a single CPU but has to share it. Find the overlapping pins and plan the placement again.',
        ),
      ],
      40: [],
    },
  },
];
