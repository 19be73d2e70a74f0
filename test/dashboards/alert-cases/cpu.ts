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
    alert: 'DomainVcpuDelayHigh',
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
          'VM "db\\n1" on host kvm1 waits for a CPU 8% of the time.',
          'Each of its vCPUs, over 5 %: the guest sees it as steal. See who shares its CPUs.',
        ),
      ],
      65: [],
    },
  },
  {
    alert: 'DomainVcpuDelayCritical',
    what: 'when a VM waits 20 % of the time, whatever becomes of a host that is gone',
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
          'VM "db1" on host kvm1 waits for a CPU 20% of the time.',
          'Each of its vCPUs, over 10 %: what runs in it is late. Waiting most on this host: "db1" (20%) "web1" (2%). Move it or a neighbour away, or give it CPUs of its own.',
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
      [hostCpu('iowait')]: '0+10x10 100+1x30 130+10x20',
    },
    at: {
      10: [],
      35: [
        firing(
          'warning',
          'cpu',
          {},
          'The CPUs of host kvm1 are busy 95% of the time.',
          'The next VM that wants more takes it from the others. See which VMs use it, and move one away.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'HostStolenFromUs',
    what: 'when the host is a VM itself and loses a tenth of its time',
    series: {
      [hostCpu('user')]: '0+54x80',
      [hostCpu('steal')]: '0+0x10 0+6x40 240+0x30',
    },
    at: {
      10: [],
      40: [
        firing(
          'warning',
          'cpu',
          {},
          'A hypervisor below host kvm1 takes 10% of its CPU time.',
          'The host is itself a VM, and its own host is overcommitted: nothing that is tuned here helps. Ask whoever runs it.',
        ),
      ],
      65: [],
    },
  },
  {
    alert: 'HostCpuPressure',
    what: 'when half of the time somebody waits',
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
          'On host kvm1 something that could run waits for a CPU 50% of the time.',
          "By the kernel's pressure stall information, VMs and all else counted. Compare with the delay of VMs: if they are well, look for other processes.",
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
          '2 CPUs of host kvm1 are dedicated to more than one vCPU.',
          'Each of those vCPUs was to have a CPU alone, and has half of one. Find the pins that overlap and plan them anew.',
        ),
      ],
      40: [],
    },
  },
];
