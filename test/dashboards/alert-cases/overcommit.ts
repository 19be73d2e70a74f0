import { type AlertCase, firing, series } from './case.ts';

const vcpu = (name: 'delay' | 'time'): string =>
  series(`libvirt_domain_vcpu_${name}_seconds_total`, 'domain="db1", vcpu="0"');
const ratio = (instance?: string): string =>
  series('libvirt_host_vcpu_overcommit_ratio', 'state="running"', instance);
const allocated = series('libvirt_host_memory_overcommit_ratio', 'kind="maximum"');
const memoryFull = series('libvirt_host_pressure_seconds_total', 'resource="memory", share="full"');

/** A VM with one vCPU that waits 12 s per minute from minute 11 to 51, and runs for the other 48 s. */
const WAITS = {
  [vcpu('delay')]: '0+0x10 0+12x40 480+0x20',
  [vcpu('time')]: '0+48x72',
  [series('libvirt_domain_vcpu_current', 'domain="db1"')]: '1+0x72',
};

const STALLS = { [allocated]: '0.95+0x60', [memoryFull]: '0+0x10 0+6x20 120+0x30' };

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

const poolsOf = (cluster: string, used: string, total: string, ...hosts: string[]) =>
  Object.fromEntries(
    hosts.flatMap((host) => [
      [series('libvirt_host_memory_promised_bytes', `cluster="${cluster}", kind="hugepages"`, host), used],
      [series('libvirt_host_memory_bytes', `cluster="${cluster}", kind="hugepages"`, host), total],
    ]),
  );

const FLEET_CPU = firing(
  'warning',
  'fleet-cpu',
  { cluster: 'a' },
  'If its largest host fails, the fleet "a" runs 7.50 vCPUs per CPU.',
  'That is above 5: VMs that restart on other hosts cause contention there. Add a host, or stop VMs that are not needed.',
);

export const overcommitCases: readonly AlertCase[] = [
  {
    alert: 'HostVcpuOvercommitHigh',
    what: 'after an hour above 5 vCPUs per CPU, and no longer once it is below',
    series: { [ratio()]: '4+0x5 6+0x70 4+0x5' },
    at: {
      5: [],
      60: [],
      70: [
        firing(
          'info',
          'cpu',
          { state: 'running' },
          'Host kvm1 runs 6.00 vCPUs per CPU.',
          'The vCPU:pCPU ratio is above 5. VMs may not be affected yet: check CPU contention on the host, and schedule no more VMs here.',
        ),
      ],
      79: [],
    },
  },
  {
    alert: 'HostVcpuOvercommitHigh',
    what: 'not for a stopped VM of 64 vCPUs on a host of 16 CPUs: only running vCPUs count',
    series: {
      [ratio()]: '1+0x90',
      [series('libvirt_host_vcpu_overcommit_ratio', 'state="defined"')]: '5+0x90',
      [series('libvirt_host_vcpus', 'state="defined"')]: '80+0x90',
    },
    at: { 80: [] },
  },
  {
    alert: 'HostCpuContentionHigh',
    what: 'when more vCPUs run than there are CPUs and a fifth of their demand is not served',
    series: { ...WAITS, [ratio()]: '2+0x72' },
    at: {
      10: [],
      20: [],
      40: [
        firing(
          'warning',
          'cpu',
          {},
          'CPU contention on host kvm1 is 20% at 2.0 vCPUs per CPU.',
          'More than 10 % of the CPU demand of VMs is not served. Highest steal: "db1" (20%). Migrate VMs, or pin latency-sensitive ones to dedicated CPUs.',
        ),
      ],
      65: [],
    },
  },
  {
    alert: 'HostCpuContentionHigh',
    what: 'not when VMs wait on a host with idle CPUs: that comes from pins',
    series: { ...WAITS, [ratio()]: '0.8+0x72' },
    at: { 40: [] },
  },
  {
    alert: 'HostCpuContentionHigh',
    what: 'not for a host that is overcommitted twofold without contention',
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
    what: 'after half an hour with more allocated than the host has',
    series: { [allocated]: '0.8+0x5 1.25+0x40 0.8+0x5' },
    at: {
      5: [],
      30: [],
      40: [
        firing(
          'warning',
          'memory',
          { kind: 'maximum' },
          'Memory of host kvm1 is overcommitted: 125% allocated to VMs.',
          "VMs may use more than 100 % of the host's memory. If they do, the host swaps or OOM-kills. Migrate a VM, or lower its maximum memory.",
        ),
      ],
      50: [],
    },
  },
  {
    alert: 'HostMemoryOvercommitCritical',
    what: 'when most of the memory is allocated and the host stalls',
    series: STALLS,
    at: {
      10: [],
      25: [
        firing(
          'critical',
          'memory',
          { kind: 'maximum' },
          'Host kvm1 has 95% of its memory allocated to VMs, and stalls or swaps.',
          'All of its VMs are slow, and the kernel may OOM-kill one. Migrate the largest VM that can move, now; then find what grew.',
        ),
      ],
      45: [],
    },
  },
  {
    alert: 'HostMemoryOvercommitCritical',
    what: 'also when it swaps in, and not for a host that stalls without overcommit',
    series: {
      [allocated]: '0.95+0x60',
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
          'Host kvm1 has 95% of its memory allocated to VMs, and stalls or swaps.',
          'All of its VMs are slow, and the kernel may OOM-kill one. Migrate the largest VM that can move, now; then find what grew.',
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
          'If its largest host fails, the fleet "a" needs 135% of the remaining memory.',
          'Not all VMs could restart. Add a host, or lower the maximum memory of VMs, before that happens.',
        ),
      ],
      35: [],
    },
  },
  {
    alert: 'FleetCannotTolerateHostLossHugepages',
    what: 'while the pools of two hosts could not hold the VMs of three; not where the pools are empty',
    series: {
      ...poolsOf('a', '90+0x30 60+0x10', '100+0x40', 'kvm1', 'kvm2', 'kvm3'),
      ...poolsOf('b', '0+0x40', '100+0x40', 'kvm4', 'kvm5'),
    },
    at: {
      10: [],
      25: [
        firing(
          'warning',
          'fleet-hugepages',
          { cluster: 'a' },
          'If the host with the largest pools fails, the fleet "a" needs 135% of the remaining huge pages.',
          'Not all VMs on huge pages could restart: a pool cannot be overcommitted. Allocate more huge pages on the other hosts, or add a host.',
        ),
      ],
      35: [],
    },
  },
  {
    alert: 'DomainVcpusExceedHost',
    what: 'while such a VM runs; not for one that is shut off',
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
          'Its own vCPUs compete for CPUs, and guest spinlocks make it worse. Reduce its vCPUs, or move it to a larger host.',
        ),
      ],
      17: [],
    },
  },
];
