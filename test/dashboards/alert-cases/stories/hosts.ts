import { of, SENT, type Story } from './story.ts';

const delay = of('kvm1', 'libvirt_domain_vcpu_delay_seconds_total', 'domain="a", vcpu="0"');
const run = of('kvm1', 'libvirt_domain_vcpu_time_seconds_total', 'domain="a", vcpu="0"');
const vcpus = of('kvm1', 'libvirt_domain_vcpu_current', 'domain="a"');
const ratio = of('kvm1', 'libvirt_host_vcpu_overcommit_ratio', 'state="running"');
const state = (word: string, domain = 'a'): string =>
  of('kvm1', 'libvirt_domain_info_state', `domain="${domain}", state_desc="${word}"`);
const swap = (kind: string): string => of('kvm1', 'libvirt_host_swap_bytes', `kind="${kind}"`);
const memory = (kind: string): string => of('kvm1', 'libvirt_host_memory_bytes', `kind="${kind}"`);
const promised = (kind: string): string => of('kvm1', 'libvirt_host_memory_promised_bytes', `kind="${kind}"`);
const pressure = (resource: string, share: string): string =>
  of('kvm1', 'libvirt_host_pressure_seconds_total', `resource="${resource}", share="${share}"`);
const SWAPPED_IN = of('kvm1', 'libvirt_host_swapped_in_pages_total');
const AVAILABLE = of('kvm1', 'libvirt_host_memory_available_bytes');
const disk = (domain: string, name: string, replica: string): string =>
  of(
    'kvm1',
    `libvirt_domain_block_stats_${name}`,
    `domain="${domain}", target_device="vda", prometheus_replica="${replica}"`,
  );
const slowDisk = (domain: string): Record<string, string> =>
  Object.fromEntries(
    ['a', 'b'].flatMap((replica) => [
      [disk(domain, 'read_requests_total', replica), '0+120x60'],
      [disk(domain, 'write_requests_total', replica), '0+0x60'],
      [disk(domain, 'read_time_seconds_total', replica), '0+24x60'],
      [disk(domain, 'write_time_seconds_total', replica), '0+0x60'],
    ]),
  );
const stream = (name: string, labels = ''): string => of('kvm1', `virtune_elasticsearch_${name}`, labels);

/** Hosts and VMs that are unusual, but healthy. */
export const hostStories: readonly Story[] = [
  {
    what: 'a VM that its guest has suspended to memory sends nothing, however long',
    series: {
      [state('pmsuspended')]: '7+0x500',
      [of('kvm1', 'libvirt_domain_info_state_reason', 'domain="a"')]: '1+0x500',
      [of('kvm1', 'libvirt_domain_info_memory_usage_bytes', 'domain="a"')]: '10+0x500',
      [of('kvm1', 'libvirt_domain_info_maximum_memory_bytes', 'domain="a"')]: '100+0x500',
      [of('kvm1', 'libvirt_domain_wider_than_host', 'domain="a"')]: '1+0x500',
      [of('kvm1', 'libvirt_domain_memory_stats_usable_bytes', 'domain="a"')]: '1+0x500',
      [of('kvm1', 'libvirt_domain_memory_stats_available_bytes', 'domain="a"')]: '100+0x500',
      [of('kvm1', 'libvirt_domain_memory_stats_major_fault_total', 'domain="a"')]: '1000+0x500',
      [delay]: '100+0x500',
      [run]: '100+0x500',
      [vcpus]: '1+0x500',
    },
    at: { 400: { [SENT]: {} } },
  },
  {
    what: 'a host with all of its memory in huge page pools, and VMs only on them, sends nothing',
    series: {
      [memory('total')]: '100+0x80',
      [memory('hugepages')]: '100+0x80',
      [promised('maximum')]: '95+0x80',
      [promised('hugepages')]: '95+0x80',
      [promised('migrating')]: '0+0x80',
      [promised('migrating_hugepages')]: '0+0x80',
      [AVAILABLE]: '0+0x80',
      [of('kvm1', 'libvirt_host_ksm_saved_bytes')]: '0+0x80',
    },
    at: {
      70: {
        [SENT]: {},
        'instance:virtune_host_memory_available:ratio': {},
        'cluster:virtune_memory_overcommit:ratio': {},
      },
    },
  },
  {
    what: 'three slow disks are three, where two replicas of Prometheus write them',
    series: { ...slowDisk('a'), ...slowDisk('b'), ...slowDisk('c') },
    at: { 40: { 'ALERTS{alertname="HostDisksSlow"}': {} } },
  },
  {
    what: 'a VM that restarts, and a libvirtd that restarts, are not steal',
    series: {
      [delay]: '5000+1x19 0+1x19 _x3 23+1x20',
      [run]: '90000+30x19 0+30x19 _x3 690+30x20',
      [vcpus]: '1+0x39 _x3 1+0x20',
      [ratio]: '3+0x39 _x3 3+0x20',
      [of('kvm1', 'libvirt_up')]: '1+0x39 0+0x2 1+0x20',
    },
    at: {
      21: { [SENT]: {} },
      24: { [SENT]: {} },
      30: { [SENT]: {} },
      45: { [SENT]: {} },
      55: { [SENT]: {} },
    },
  },
  {
    what: 'two data streams that accept nothing are one alert of their host',
    series: {
      [stream('up')]: '0+0x60',
      [stream('stream_up', 'stream="vm"')]: '0+0x60',
      [stream('stream_up', 'stream="host"')]: '0+0x60',
      [stream('stream_oldest_age_seconds', 'stream="vm"')]: '0+60x60',
      [stream('stream_oldest_age_seconds', 'stream="host"')]: '0+60x60',
      [stream('oldest_age_seconds')]: '0+60x60',
    },
    at: {
      40: { [SENT]: { '{alertname="ElasticsearchQueueDelayed", severity="warning", instance="kvm1"}': 1 } },
    },
  },
  {
    what: 'a host that reboots in four minutes sends nothing: its counters begin at 0 again',
    series: {
      [of('kvm1', 'up')]: '1+0x29 0+0x3 1+0x30',
      [of('kvm1', 'libvirt_host_cpu_seconds_total', 'mode="idle"')]: '90000+50x29 _x4 20+50x30',
      [of('kvm1', 'libvirt_host_cpu_seconds_total', 'mode="user"')]: '90000+10x29 _x4 40+10x30',
      [of('kvm1', 'libvirt_host_cpus', 'state="online"')]: '1+0x29 _x4 1+0x30',
      [of('kvm1', 'libvirt_host_oom_kills_total')]: '7+0x29 _x4 0+0x30',
      [SWAPPED_IN]: '1000000+0x29 _x4 0+0x30',
      [pressure('memory', 'full')]: '5000+0x29 _x4 0+0x30',
      [pressure('memory', 'some')]: '9000+0x29 _x4 0+0x30',
      [delay]: '5000+1x29 _x4 0+1x30',
      [run]: '5000+30x29 _x4 0+30x30',
      [vcpus]: '1+0x29 _x4 1+0x30',
    },
    at: { 32: { [SENT]: {} }, 35: { [SENT]: {} }, 40: { [SENT]: {} }, 50: { [SENT]: {} } },
  },
  {
    what: 'a VM that crashed, was renamed and started no longer pages under its old name',
    series: {
      [of('kvm1', 'virtune_domain_crash_timestamp_seconds', 'domain="a", uuid="u"')]: '600+0x60',
      [of('kvm1', 'libvirt_domain_info', 'domain="b", uuid="u"')]: '_x20 1+0x40',
      [state('running', 'b')]: '_x20 1+0x40',
    },
    at: {
      15: { [SENT]: { '{alertname="DomainCrashed", severity="critical", instance="kvm1", domain="a"}': 1 } },
      30: { [SENT]: {} },
    },
  },
  {
    what: 'a cluster of one host, with overcommit, has no host to lose',
    series: {
      [of('kvm1', 'libvirt_host_cpus', 'state="online"')]: '10+0x60',
      [of('kvm1', 'libvirt_host_vcpus', 'state="running"')]: '45+0x60',
      [ratio]: '4.5+0x60',
      [memory('total')]: '100+0x60',
      [memory('hugepages')]: '40+0x60',
      [promised('maximum')]: '80+0x60',
      [promised('hugepages')]: '38+0x60',
    },
    at: {
      50: {
        [SENT]: {},
        '{__name__=~"cluster:.*after_host_loss:ratio"}': {},
        'cluster:virtune_vcpu_overcommit:ratio': { 'cluster:virtune_vcpu_overcommit:ratio': 4.5 },
      },
    },
  },
  {
    what: 'a cluster in which only one host has huge pages cannot lose that host, if VMs are on them',
    series: Object.fromEntries(
      ['a', 'b'].flatMap((cluster) =>
        ['kvm1', 'kvm2'].flatMap((host) => {
          const has = host === 'kvm1';
          const needs = has && cluster === 'a';
          return [
            [of(host, 'libvirt_host_memory_bytes', 'kind="total"', cluster), '100+0x60'],
            [of(host, 'libvirt_host_memory_bytes', 'kind="hugepages"', cluster), `${has ? 60 : 0}+0x60`],
            [
              of(host, 'libvirt_host_memory_promised_bytes', 'kind="maximum"', cluster),
              `${needs ? 40 : 0}+0x60`,
            ],
            [
              of(host, 'libvirt_host_memory_promised_bytes', 'kind="hugepages"', cluster),
              `${needs ? 40 : 0}+0x60`,
            ],
          ];
        }),
      ),
    ),
    at: {
      40: {
        [SENT]: {
          '{alertname="FleetCannotTolerateHostLossHugepages", severity="warning", cluster="a"}': 1,
        },
        'count by (cluster) (cluster:virtune_hugepages_after_host_loss:ratio == Inf)': { '{cluster="a"}': 1 },
        'cluster:virtune_memory_overcommit_after_host_loss:ratio': {
          'cluster:virtune_memory_overcommit_after_host_loss:ratio{cluster="a"}': 0,
          'cluster:virtune_memory_overcommit_after_host_loss:ratio{cluster="b"}': 0,
        },
      },
    },
  },
  {
    what: 'a host without swap, and one without VMs, sends nothing',
    series: {
      [swap('total')]: '0+0x60',
      [swap('free')]: '0+0x60',
      [SWAPPED_IN]: '0+0x60',
      [AVAILABLE]: '90+0x60',
      [memory('total')]: '100+0x60',
      [memory('hugepages')]: '0+0x60',
      [of('kvm1', 'libvirt_host_cpus', 'state="online"')]: '10+0x60',
      [of('kvm1', 'libvirt_host_vcpus', 'state="running"')]: '0+0x60',
      [ratio]: '0+0x60',
      [promised('maximum')]: '0+0x60',
      [promised('hugepages')]: '0+0x60',
    },
    at: {
      50: {
        [SENT]: {},
        'cluster:virtune_memory_overcommit:ratio': { 'cluster:virtune_memory_overcommit:ratio': 0 },
      },
    },
  },
  {
    what: 'a host that swaps in from zram, for which no task waits, sends nothing',
    series: {
      [SWAPPED_IN]: '0+60000x60',
      [pressure('memory', 'some')]: '0+0.1x60',
      [pressure('memory', 'full')]: '0+0.1x60',
      [pressure('io', 'some')]: '0+0.1x60',
      [of('kvm1', 'libvirt_host_memory_overcommit_ratio', 'kind="maximum"')]: '0.95+0x60',
    },
    at: { 40: { [SENT]: {} } },
  },
  {
    what: 'a host that swaps in from a disk pages: tasks wait for the disk, though the kernel counts no thrashing',
    series: {
      [SWAPPED_IN]: '0+60000x60',
      [pressure('memory', 'some')]: '0+0.1x60',
      [pressure('io', 'some')]: '0+6x60',
      [pressure('io', 'full')]: '0+3x60',
    },
    at: {
      40: { [SENT]: { '{alertname="HostSwappingIn", severity="critical", instance="kvm1"}': 1 } },
    },
  },
  {
    what: 'a host that answers every third scrape only pages, and one that loses every fourth does not',
    series: {
      [of('kvm1', 'up')]: `${'1 0 0 '.repeat(14)}1+0x20`,
      [of('kvm2', 'up')]: '1 1 1 0 '.repeat(15),
      [of('kvm3', 'up')]: '1+0x60',
      [of('kvm3', 'libvirt_up')]: `${'1 0 0 '.repeat(14)}1+0x20`,
    },
    at: {
      39: {
        [SENT]: {
          '{alertname="ExporterDown", severity="critical", instance="kvm1"}': 1,
          '{alertname="LibvirtUnreachable", severity="critical", instance="kvm3"}': 1,
        },
      },
      46: { [SENT]: {} },
    },
  },
  {
    what: 'a host whose swap is full of what nothing uses, with half of its memory available, sends nothing',
    series: {
      [swap('total')]: '10+0x60',
      [swap('free')]: '0+0x60',
      [AVAILABLE]: '50+0x40 5+0x20',
      [memory('total')]: '100+0x60',
      [memory('hugepages')]: '0+0x60',
    },
    at: {
      35: { [SENT]: {} },
      48: { [SENT]: { '{alertname="HostSwapAlmostFull", severity="warning", instance="kvm1"}': 1 } },
    },
  },
];
