import { type AlertCase, firing, series } from './case.ts';

const state = (domain: string, word: string): string =>
  series('libvirt_domain_info_state', `domain="${domain}", state_desc="${word}"`);
const reason = (domain: string): string => series('libvirt_domain_info_state_reason', `domain="${domain}"`);
const of = (name: Parameters<typeof series>[0], domain = 'db1'): string => series(name, `domain="${domain}"`);

const crash = (domain: string): string =>
  series('virtune_domain_crash_timestamp_seconds', `domain="${domain}", uuid="u-${domain}"`);

export const guestCases: readonly AlertCase[] = [
  {
    alert: 'DomainPausedByIoError',
    what: 'after an I/O error, and not by the hand of a user',
    series: {
      [state('db1', 'running')]: '1+0x4 _x15 1+0x10',
      [state('db1', 'paused')]: '_x5 3+0x14 stale',
      [reason('db1')]: '1+0x4 5+0x14 5+0x10',
      [state('web1', 'paused')]: '3+0x30',
      [reason('web1')]: '1+0x30',
    },
    at: {
      4: [],
      8: [],
      15: [
        firing(
          'critical',
          'disk',
          { domain: 'db1' },
          'VM "db1" on host kvm1 is paused by an I/O error.',
          'The guest does not run. Check whether the storage pool is full or unreachable, fix that, then resume the VM.',
        ),
      ],
      22: [],
    },
  },
  {
    alert: 'DomainPaused',
    what: 'by its watchdog, and for a reason that only libvirt can say in words',
    series: {
      [state('hung', 'paused')]: '_x5 3+0x14 stale',
      [reason('hung')]: '1+0x4 6+0x14 1+0x10',
      [state('moved', 'paused')]: '_x5 3+0x14 stale',
      [reason('moved')]: '1+0x4 13+0x14 1+0x10',
    },
    at: {
      4: [],
      15: [
        firing(
          'critical',
          'vm',
          { domain: 'hung' },
          'VM "hung" on host kvm1 is paused, but not by a user.',
          'Paused by its watchdog: the guest hung. Take a dump, then reset the VM.',
        ),
        firing(
          'critical',
          'vm',
          { domain: 'moved' },
          'VM "moved" on host kvm1 is paused, but not by a user.',
          'Paused for reason 13 (virDomainPausedReason); virsh domstate --reason shows its name.',
        ),
      ],
      22: [],
    },
  },
  {
    alert: 'DomainPausedByJob',
    what: 'after six hours, by a migration or a save, and not by a user',
    series: {
      [state('moved', 'running')]: '1+0x5 _x400 1+0x40',
      [state('moved', 'paused')]: '_x6 3+0x399 stale',
      [reason('moved')]: '1+0x5 2+0x399 1+0x40',
      [state('saved', 'paused')]: '_x6 3+0x399 stale',
      [reason('saved')]: '1+0x5 3+0x399 1+0x40',
      [state('user', 'paused')]: '3+0x440',
      [reason('user')]: '1+0x440',
    },
    at: {
      5: [],
      360: [],
      370: [
        firing(
          'warning',
          'vm',
          { domain: 'moved' },
          'VM "moved" on host kvm1 has been paused by a job for hours.',
          'A migration. If the VM runs on no other host, it is down: check virsh domjobinfo on both hosts.',
        ),
        firing(
          'warning',
          'vm',
          { domain: 'saved' },
          'VM "saved" on host kvm1 has been paused by a job for hours.',
          'A save, dump, snapshot or start. The guest does not run until the job ends: check virsh domjobinfo, and abort the job if it makes no progress.',
        ),
      ],
      430: [],
    },
  },
  {
    alert: 'DomainCrashed',
    what: 'from the crash until it runs again, whether libvirt keeps it or not',
    series: {
      [state('db1', 'running')]: '1+0x5 stale _x9 1+0x10',
      [state('db1', 'crashed')]: '_x6 6+0x9 stale',
      [crash('db1')]: '_x6 360+0x9 stale',
      [state('web1', 'shutoff')]: '5+0x25',
      [crash('web1')]: '_x6 300+0x9 stale',
    },
    at: {
      5: [],
      8: ['db1', 'web1'].map((domain) =>
        firing(
          'critical',
          'vm',
          { domain },
          `VM "${domain}" on host kvm1 has crashed.`,
          'The guest panicked or its QEMU process died. Save the log in /var/log/libvirt/qemu, then start the VM, on another host if this one is at fault.',
        ),
      ),
      20: [],
    },
  },
  {
    alert: 'DomainUnresponsive',
    what: 'while it does not answer',
    series: { [of('virtune_domain_unresponsive_since_timestamp_seconds')]: '_x5 300+0x15 stale' },
    at: {
      5: [],
      8: [],
      15: [
        firing(
          'critical',
          'vm',
          { domain: 'db1' },
          'VM "db1" on host kvm1 has not answered libvirt for 10m 0s.',
          'Its QEMU process hangs, usually on storage. The guest may still run, but libvirt cannot query or change it.',
        ),
      ],
      25: [],
    },
  },
  {
    alert: 'GuestBallooned',
    what: 'while half of its memory is taken; a VM that is shut off has no balloon',
    series: {
      [of('libvirt_domain_info_memory_usage_bytes')]: '100+0x5 50+0x40 100+0x10',
      [of('libvirt_domain_info_maximum_memory_bytes')]: '100+0x60',
      [state('db1', 'running')]: '1+0x60',
      [of('libvirt_domain_info_memory_usage_bytes', 'off')]: '10+0x60',
      [of('libvirt_domain_info_maximum_memory_bytes', 'off')]: '100+0x60',
      [state('off', 'shutoff')]: '5+0x60',
    },
    at: {
      5: [],
      40: [
        firing(
          'info',
          'memory',
          { domain: 'db1' },
          'The balloon has taken 50% of the memory of VM "db1" on host kvm1.',
          'The guest has less page cache than its size suggests. If the host has free memory, deflate the balloon with virsh setmem; otherwise find what uses the memory.',
        ),
      ],
      55: [],
    },
  },
  {
    alert: 'GuestMemoryStarved',
    what: 'when little is usable and pages come from disk; little alone is a cache well used',
    series: {
      [of('libvirt_domain_memory_stats_usable_bytes')]: '2+0x60',
      [of('libvirt_domain_memory_stats_available_bytes')]: '100+0x60',
      [of('libvirt_domain_memory_stats_major_fault_total')]: '0+0x10 0+600x20 12000+0x30',
      [of('libvirt_domain_memory_stats_usable_bytes', 'swaps')]: '2+0x75',
      [of('libvirt_domain_memory_stats_available_bytes', 'swaps')]: '100+0x75',
      [of('libvirt_domain_memory_stats_swap_in_bytes_total', 'swaps')]: '0+0x40 0+4096000x20 81920000+0x15',
      [of('libvirt_domain_memory_stats_major_fault_total', 'swaps')]: '0+120x75',
      // A page per minute.
      [of('libvirt_domain_memory_stats_usable_bytes', 'wakes')]: '2+0x75',
      [of('libvirt_domain_memory_stats_available_bytes', 'wakes')]: '100+0x75',
      [of('libvirt_domain_memory_stats_swap_in_bytes_total', 'wakes')]: '0+4096x75',
      // Two page faults per second.
      [of('libvirt_domain_memory_stats_usable_bytes', 'cached')]: '2+0x75',
      [of('libvirt_domain_memory_stats_available_bytes', 'cached')]: '100+0x75',
      [of('libvirt_domain_memory_stats_major_fault_total', 'cached')]: '0+120x75',
    },
    at: {
      10: [],
      25: [
        firing(
          'warning',
          'memory',
          { domain: 'db1' },
          'VM "db1" on host kvm1 has 2% of its memory usable and reads pages back from disk.',
          'Workloads in the guest are slow. Deflate its balloon first. If the VM already has its maximum memory, it needs more, or a process in it leaks.',
        ),
      ],
      40: [],
      55: [
        firing(
          'warning',
          'memory',
          { domain: 'swaps' },
          'VM "swaps" on host kvm1 has 2% of its memory usable and reads pages back from disk.',
          'Workloads in the guest are slow. Deflate its balloon first. If the VM already has its maximum memory, it needs more, or a process in it leaks.',
        ),
      ],
      70: [],
    },
  },
];
