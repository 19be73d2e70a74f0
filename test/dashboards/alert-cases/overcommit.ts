import { type AlertCase, firing, series } from './case.ts';

const vcpu = (name: 'delay' | 'time'): string =>
  series(`libvirt_domain_vcpu_${name}_seconds_total`, 'domain="db1", vcpu="0"');
const ratio = (instance?: string): string =>
  series('libvirt_host_vcpu_overcommit_ratio', 'state="running"', instance);
const promised = series('libvirt_host_memory_overcommit_ratio', 'kind="maximum"');
const memoryFull = series('libvirt_host_pressure_seconds_total', 'resource="memory", share="full"');

/** A VM of one vCPU that waits 12 s a minute from minute 11 to 51, and runs 48 s of each. */
const WAITS = {
  [vcpu('delay')]: '0+0x10 0+12x40 480+0x20',
  [vcpu('time')]: '0+48x72',
  [series('libvirt_domain_vcpu_current', 'domain="db1"')]: '1+0x72',
};

const STALLS = { [promised]: '0.95+0x60', [memoryFull]: '0+0x10 0+6x20 120+0x30' };

const fleetOf = (cluster: string, vcpus: string, cpus: string, ...hosts: string[]) =>
  Object.fromEntries(
    hosts.flatMap((host) => [
      [series('libvirt_host_vcpus', `cluster="${cluster}", state="running"`, host), vcpus],
      [series('libvirt_host_cpus', `cluster="${cluster}", state="online"`, host), cpus],
    ]),
  );
const memoryOf = (cluster: string, promised: string, total: string, ...hosts: string[]) =>
  Object.fromEntries(
    hosts.flatMap((host) => [
      [series('libvirt_host_memory_promised_bytes', `cluster="${cluster}", kind="maximum"`, host), promised],
      [series('libvirt_host_memory_bytes', `cluster="${cluster}", kind="total"`, host), total],
    ]),
  );

const FLEET_CPU = firing(
  'warning',
  'fleet-cpu',
  { cluster: 'a' },
  'If its largest host is lost, the fleet "a" would run 7.50 vCPUs for each CPU.',
  'More than 5: VMs that restart elsewhere would make the others wait. Add a host, or stop what need not run.',
);

export const overcommitCases: readonly AlertCase[] = [
  {
    alert: 'HostVcpuOvercommitHigh',
    what: 'after an hour above 5 vCPUs a CPU, and no longer once it is below',
    series: { [ratio()]: '4+0x5 6+0x70 4+0x5' },
    at: {
      5: [],
      60: [],
      70: [
        firing(
          'info',
          'cpu',
          { state: 'running' },
          'Host kvm1 runs 6.00 vCPUs for each CPU.',
          "More than 5. Nobody need be hurt: look at the host's contention, and place no further VMs here.",
        ),
      ],
      79: [],
    },
  },
  {
    alert: 'HostVcpuOvercommitHigh',
    what: 'not for a stopped VM of 64 vCPUs on a host of 16 CPUs: only what runs is load',
    series: {
      [ratio()]: '1+0x90',
      [series('libvirt_host_vcpu_overcommit_ratio', 'state="defined"')]: '5+0x90',
      [series('libvirt_host_vcpus', 'state="defined"')]: '80+0x90',
    },
    at: { 80: [] },
  },
  {
    alert: 'HostVcpuOvercommitHarmful',
    what: 'when more vCPUs run than there are CPUs and a fifth of the time they want is not given',
    series: { ...WAITS, [ratio()]: '2+0x72' },
    at: {
      10: [],
      20: [],
      40: [
        firing(
          'warning',
          'cpu',
          {},
          'VMs on host kvm1 do not get 20% of the CPU time they want, at 2.0 vCPUs a CPU.',
          'Over 10 %. Worst off: "db1" (20%). Move VMs away, or pin those that must not wait.',
        ),
      ],
      65: [],
    },
  },
  {
    alert: 'HostVcpuOvercommitHarmful',
    what: 'not when VMs wait on a host with CPUs to spare: that comes from pins',
    series: { ...WAITS, [ratio()]: '0.8+0x72' },
    at: { 40: [] },
  },
  {
    alert: 'HostVcpuOvercommitHarmful',
    what: 'not for a host that promises twice its CPUs while nobody waits',
    series: {
      [vcpu('delay')]: '0+0x72',
      [vcpu('time')]: '0+48x72',
      [series('libvirt_domain_vcpu_current', 'domain="db1"')]: '1+0x72',
      [ratio()]: '2+0x72',
    },
    at: { 40: [] },
  },
  {
    alert: 'HostMemoryOvercommitHigh',
    what: 'after half an hour with more promised than there is',
    series: { [promised]: '0.8+0x5 1.25+0x40 0.8+0x5' },
    at: {
      5: [],
      30: [],
      40: [
        firing(
          'warning',
          'memory',
          { kind: 'maximum' },
          'VMs on host kvm1 may take 125% of its memory.',
          'More than 100 % is promised: if guests use it all, the host swaps or kills. Move a VM away, or lower maximum memory.',
        ),
      ],
      50: [],
    },
  },
  {
    alert: 'HostMemoryOvercommitHarmful',
    what: 'when most of the memory is promised and everything stalls for want of it',
    series: STALLS,
    at: {
      10: [],
      25: [
        firing(
          'critical',
          'memory',
          { kind: 'maximum' },
          'Host kvm1 has promised 95% of its memory and stalls for want of it.',
          'All its VMs are slow and the kernel may kill one. Migrate the largest VM that can move, now; then see who grew.',
        ),
      ],
      45: [],
    },
  },
  {
    alert: 'HostMemoryOvercommitHarmful',
    what: 'also when it swaps in, and not for a host that stalls without having promised much',
    series: {
      [promised]: '0.95+0x60',
      [series('libvirt_host_swapped_in_pages_total')]: '0+12000x60',
      [series('libvirt_host_memory_overcommit_ratio', 'kind="maximum"', 'kvm2')]: '0.5+0x60',
      [series('libvirt_host_pressure_seconds_total', 'resource="memory", share="full"', 'kvm2')]: '0+6x60',
    },
    at: {
      25: [
        firing(
          'critical',
          'memory',
          { kind: 'maximum' },
          'Host kvm1 has promised 95% of its memory and stalls for want of it.',
          'All its VMs are slow and the kernel may kill one. Migrate the largest VM that can move, now; then see who grew.',
        ),
      ],
    },
  },
  {
    alert: 'FleetCannotTolerateHostLossCpu',
    what: 'while three hosts of 20 CPUs run 100 vCPUs each, and not once they run 60',
    series: fleetOf('a', '100+0x30 60+0x10', '20+0x40', 'kvm1', 'kvm2', 'kvm3'),
    at: { 10: [], 25: [FLEET_CPU], 35: [] },
  },
  {
    alert: 'FleetCannotTolerateHostLossCpu',
    what: 'of one cluster, though a host of another is gone; and never of a fleet of one host',
    series: {
      ...fleetOf('a', '100+0x40', '20+0x40', 'kvm1', 'kvm2', 'kvm3'),
      ...fleetOf('b', '40+0x10 stale', '20+0x10 stale', 'kvm4'),
      ...fleetOf('b', '40+0x40', '20+0x40', 'kvm5', 'kvm6'),
      ...fleetOf('c', '400+0x40', '20+0x40', 'kvm7'),
    },
    at: { 10: [], 25: [FLEET_CPU] },
  },
  {
    alert: 'FleetCannotTolerateHostLossMemory',
    what: 'while two of three hosts could not hold all VMs; not for VMs that have memory on two hosts as they migrate',
    series: {
      ...memoryOf('a', '90+0x30 60+0x10', '100+0x40', 'kvm1', 'kvm2', 'kvm3'),
      ...memoryOf('b', '80+0x40', '100+0x40', 'kvm4', 'kvm5', 'kvm6'),
      [series('libvirt_host_memory_promised_bytes', 'cluster="b", kind="migrating"', 'kvm4')]: '50+0x40',
    },
    at: {
      10: [],
      25: [
        firing(
          'warning',
          'fleet-memory',
          { cluster: 'a' },
          'If its largest host is lost, the fleet "a" would need 135% of the memory that is left.',
          'Not all of its VMs could start again. Add a host, or lower what VMs are promised, before it happens.',
        ),
      ],
      35: [],
    },
  },
  {
    alert: 'DomainWiderThanHost',
    what: 'while such a VM runs; one that is shut off is wide in peace',
    series: {
      [series('libvirt_domain_wider_than_host', 'domain="wide"')]: '1+0x20',
      [series('libvirt_domain_info_state', 'domain="wide", state_desc="running"')]: '1+0x10 _x10',
      [series('libvirt_domain_info_state', 'domain="wide", state_desc="shutoff"')]: '_x10 5+0x10',
      [series('libvirt_domain_wider_than_host', 'domain="off"')]: '1+0x20',
      [series('libvirt_domain_info_state', 'domain="off", state_desc="shutoff"')]: '5+0x20',
    },
    at: {
      4: [],
      8: [
        firing(
          'warning',
          'cpu',
          { domain: 'wide' },
          'VM "wide" has more vCPUs than host kvm1 has CPUs.',
          'Its own vCPUs wait for each other, and spinlocks in the guest make it worse. Give it fewer, or a larger host.',
        ),
      ],
      17: [],
    },
  },
];
