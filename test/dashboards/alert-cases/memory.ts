import { type AlertCase, firing, series } from './case.ts';

const pressure = (share: 'some' | 'full'): string =>
  series('libvirt_host_pressure_seconds_total', `resource="memory", share="${share}"`);
const swap = (kind: string): string => series('libvirt_host_swap_bytes', `kind="${kind}"`);
const AVAILABLE = series('libvirt_host_memory_available_bytes');
const TOTAL = series('libvirt_host_memory_bytes', 'kind="total"');

export const memoryCases: readonly AlertCase[] = [
  {
    alert: 'HostMemoryPressure',
    what: 'when some task waits for memory a fifth of the time',
    series: { [pressure('some')]: '0+0x10 0+12x30 360+0x20' },
    at: {
      10: [],
      30: [
        firing(
          'warning',
          'memory',
          { resource: 'memory', share: 'some' },
          'Memory pressure on host kvm1 is 20% (PSI some).',
          'Tasks wait for the kernel to reclaim or swap memory. Free memory before the host stalls: migrate a VM, or find what else grew.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'HostMemoryStalled',
    what: 'when a tenth of the time nothing can run',
    series: { [pressure('full')]: '0+0x10 0+6x30 180+0x20' },
    at: {
      10: [],
      30: [
        firing(
          'critical',
          'memory',
          { resource: 'memory', share: 'full' },
          'Host kvm1 stalls on memory 10% of the time (PSI full).',
          'All of its VMs stall. Migrate or stop the largest VM that you can, now.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'HostSwappingIn',
    what: 'at 200 pages per second',
    series: { [series('libvirt_host_swapped_in_pages_total')]: '0+0x10 0+12000x30 360000+0x20' },
    at: {
      10: [],
      30: [
        firing(
          'critical',
          'memory',
          {},
          'Host kvm1 swaps in 200 pages per second.',
          'Guests access memory that the host has swapped out; each access takes milliseconds. Free memory, and keep database VMs out of swap.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'HostSwapAlmostFull',
    what: 'when a twentieth is left, and never on a host without swap',
    series: {
      [swap('total')]: '100+0x30',
      [swap('free')]: '50+0x5 5+0x14 50+0x10',
      [TOTAL]: '100+0x30',
      [AVAILABLE]: '4+0x30',
      [series('libvirt_host_swap_bytes', 'kind="total"', 'kvm2')]: '0+0x30',
      [series('libvirt_host_swap_bytes', 'kind="free"', 'kvm2')]: '0+0x30',
    },
    at: {
      5: [],
      15: [
        firing(
          'warning',
          'memory',
          {},
          'Host kvm1 has 5% of its swap space left, and little memory.',
          'When swap and memory are full, the kernel kills processes. Free memory first; more swap only buys time.',
        ),
      ],
      25: [],
    },
  },
  {
    alert: 'HostMemoryHeadroomLow',
    what: 'when 5 % could be given',
    series: { [TOTAL]: '100+0x40', [AVAILABLE]: '50+0x5 5+0x20 50+0x10' },
    at: {
      5: [],
      20: [
        firing(
          'warning',
          'memory',
          {},
          'Host kvm1 has 5% of its memory available.',
          'Less than 10 % of memory is available, not counting huge page pools. A VM that grows or starts makes the host swap. Schedule no VMs here, and migrate one.',
        ),
      ],
      30: [],
    },
  },
  {
    alert: 'HostOomKill',
    what: 'for ten minutes',
    series: { [series('libvirt_host_oom_kills_total')]: '3+0x5 4+0x30' },
    at: {
      5: [],
      7: [
        firing(
          'critical',
          'memory',
          {},
          'The kernel of host kvm1 has OOM-killed a process.',
          'QEMU is the largest process on most hosts, so a VM may be down. Find it in the kernel log, start it on another host, then free memory.',
        ),
      ],
      20: [],
    },
  },
  {
    alert: 'HostOomKill',
    what: 'where the host was short of memory before the kill, not where it had half of it',
    series: {
      [series('libvirt_host_oom_kills_total')]: '3+0x9 4+0x30',
      [TOTAL]: '100+0x40',
      [AVAILABLE]: '50+0x8 4 50+0x40',
      [series('libvirt_host_oom_kills_total', '', 'kvm2')]: '3+0x9 4+0x30',
      [series('libvirt_host_memory_bytes', 'kind="total"', 'kvm2')]: '100+0x40',
      [series('libvirt_host_memory_available_bytes', '', 'kvm2')]: '50+0x40',
    },
    at: {
      8: [],
      12: [
        firing(
          'critical',
          'memory',
          {},
          'The kernel of host kvm1 has OOM-killed a process.',
          'QEMU is the largest process on most hosts, so a VM may be down. Find it in the kernel log, start it on another host, then free memory.',
        ),
      ],
      25: [],
    },
  },
  {
    alert: 'HostCgroupOomKill',
    what: 'where the host had memory available all the time, not where it was short or where that is not known',
    series: {
      [series('libvirt_host_oom_kills_total')]: '3+0x9 4+0x30',
      [TOTAL]: '100+0x40',
      [AVAILABLE]: '50+0x40',
      [series('libvirt_host_oom_kills_total', '', 'kvm2')]: '3+0x9 4+0x30',
      [series('libvirt_host_memory_bytes', 'kind="total"', 'kvm2')]: '100+0x40',
      [series('libvirt_host_memory_available_bytes', '', 'kvm2')]: '50+0x8 4 50+0x40',
      [series('libvirt_host_oom_kills_total', '', 'kvm3')]: '3+0x9 4+0x30',
    },
    at: {
      8: [],
      12: [
        firing(
          'warning',
          'memory',
          {},
          'The kernel of host kvm1 has OOM-killed a process, while the host had memory available.',
          'A control group, of a container or of a VM with hard_limit, reached its limit, or a NUMA cell was full. The kernel log names the process and the group.',
        ),
      ],
      25: [],
    },
  },
  {
    alert: 'KsmDependence',
    what: 'while more is merged than could be given',
    series: {
      [series('libvirt_host_ksm_saved_bytes')]: '1073741824+0x5 8589934592+0x40 1073741824+0x10',
      [AVAILABLE]: '4294967296+0x60',
    },
    at: {
      5: [],
      30: [],
      40: [
        firing(
          'warning',
          'memory',
          {},
          'Host kvm1 depends on KSM: without page merging its VMs need 8GiB more.',
          'That is more than the host has available. When guests reboot or rewrite merged pages, the host swaps. Count this memory as used, and migrate VMs.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'NumaNodeFull',
    what: 'of the cell that is, though the other has room',
    series: {
      [series('libvirt_host_numa_memory_bytes', 'cell="0", kind="total"')]: '100+0x50',
      [series('libvirt_host_numa_memory_available_bytes', 'cell="0"')]: '20+0x5 2+0x30 20+0x10',
      [series('libvirt_host_numa_memory_bytes', 'cell="1", kind="total"')]: '100+0x50',
      [series('libvirt_host_numa_memory_available_bytes', 'cell="1"')]: '60+0x50',
    },
    at: {
      5: [],
      30: [
        firing(
          'warning',
          'numa',
          { cell: '0' },
          'NUMA cell 0 of host kvm1 has 2% of its memory left.',
          'VMs bound to this cell cannot grow; other VMs get remote memory. Find the VMs on this cell, and move one to another cell.',
        ),
      ],
      42: [],
    },
  },
  {
    alert: 'HugepagesExhausted',
    what: 'while VMs that are defined would not find their pages',
    series: {
      [series('libvirt_host_hugepages_missing', 'size="2048KiB", cell="any"')]: '0+0x5 512+0x30 0+0x10',
    },
    at: {
      5: [],
      30: [
        firing(
          'warning',
          'numa',
          { size: '2048KiB', cell: 'any' },
          'Host kvm1 lacks 512 huge pages of 2048KiB (cell any) for VMs that are off but will start again.',
          'These VMs will fail to start. Allocate more huge pages while memory is not fragmented, or take the VMs off huge pages.',
        ),
      ],
      42: [],
    },
  },
];
