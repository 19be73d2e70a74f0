import { of, SENT, type Story } from './story.ts';

const up = (host: string): string => of(host, 'up');
const maintenance = (host: string): string => of(host, 'virtune_host_maintenance', '', 'a');
const inA = (host: string, name: string, labels = ''): string => of(host, name, labels, 'a');
const VCPUS = 'cluster:virtune_vcpu_overcommit:ratio';
const N1 = 'cluster:virtune_vcpu_overcommit_after_host_loss:ratio';
const DOWN = 'cluster:virtune_hosts_down:count';
const crash = (domain: string): string =>
  of('kvm1', 'virtune_domain_crash_timestamp_seconds', `domain="${domain}", uuid="u-${domain}"`);
const state = (domain: string, word: string): string =>
  of('kvm1', 'libvirt_domain_info_state', `domain="${domain}", state_desc="${word}"`);
const reason = (domain: string): string =>
  of('kvm1', 'libvirt_domain_info_state_reason', `domain="${domain}"`);
const critical = (alert: string, more: string): string =>
  `{alertname="${alert}", severity="critical", ${more}}`;

const FOUR_HOSTS = Object.fromEntries(
  ['kvm1', 'kvm2', 'kvm3', 'kvm4'].flatMap((host) => [
    [inA(host, 'libvirt_host_cpus', 'state="online"'), '10+0x70'],
    [inA(host, 'libvirt_host_vcpus', 'state="running"'), '15+0x70'],
  ]),
);

export const silenceStories: readonly Story[] = [
  {
    what: 'a host in maintenance is not capacity, its VMs count, and neither its alerts nor its reboot page',
    series: {
      ...FOUR_HOSTS,
      [maintenance('kvm1')]: '0+0x9 1+0x19 _x20 1+0x10 0+0x30',
      [inA('kvm1', 'up')]: '1+0x29 0+0x19 1+0x41',
      [inA('kvm1', 'libvirt_host_memory_overcommit_ratio', 'kind="maximum"')]: '0.5+0x9 1.5+0x70',
    },
    at: {
      8: { [VCPUS]: { [`${VCPUS}{cluster="a"}`]: 1.5 }, [N1]: { [`${N1}{cluster="a"}`]: 2 } },
      25: {
        [VCPUS]: { [`${VCPUS}{cluster="a"}`]: 2 },
        [N1]: { [`${N1}{cluster="a"}`]: 3 },
        [DOWN]: { [`${DOWN}{cluster="a"}`]: 0 },
        [SENT]: {},
      },
      // After 19 minutes without an exporter.
      45: { [DOWN]: { [`${DOWN}{cluster="a"}`]: 0 } },
      48: { 'ALERTS{alertname=~"ExporterDown|HostMemoryOvercommitHigh"}': {} },
      // Back in service, with the same overcommit.
      70: { [VCPUS]: { [`${VCPUS}{cluster="a"}`]: 1.5 } },
    },
  },
  {
    what: 'a host whose series come without `up` is back from maintenance when it says so, and not while it is off',
    series: {
      ...FOUR_HOSTS,
      [maintenance('kvm1')]: '0+0x9 1+0x19 _x20 0+0x50',
      [inA('kvm1', 'libvirt_host_memory_overcommit_ratio', 'kind="maximum"')]: '1.5+0x29 _x20 1.5+0x50',
      [inA('kvm2', 'libvirt_host_memory_overcommit_ratio', 'kind="maximum"')]: '0.5+0x100',
    },
    isScraped: false,
    at: {
      8: { [VCPUS]: { [`${VCPUS}{cluster="a"}`]: 1.5 } },
      45: { [VCPUS]: { [`${VCPUS}{cluster="a"}`]: 2 }, [SENT]: {} },
      60: { [VCPUS]: { [`${VCPUS}{cluster="a"}`]: 1.5 } },
      90: {
        [SENT]: {
          '{alertname="HostMemoryOvercommitHigh", severity="warning", cluster="a", instance="kvm1"}': 1,
        },
      },
    },
  },
  {
    what: 'a host that is off for maintenance stays in it after minutes in which no rule was evaluated, one that left it before does not',
    series: {
      ...FOUR_HOSTS,
      [maintenance('kvm1')]: '1+0x14 stale',
      [inA('kvm1', 'up')]: '1+0x14 0+0x90',
      // kvm2 returns to service before it goes down; kvm3 does both between two evaluations.
      [maintenance('kvm2')]: '1+0x2 0+0x19 stale',
      [inA('kvm2', 'up')]: '1+0x22 0+0x90',
      [maintenance('kvm3')]: '1+0x11 0+0x4 stale',
      [inA('kvm3', 'up')]: '1+0x16 0+0x90',
    },
    evaluatedEveryMinutes: 10,
    at: {
      60: {
        'count by (instance) (instance:virtune_host_maintenance:last)': { '{instance="kvm1"}': 1 },
        [SENT]: {
          [critical('ExporterDown', 'cluster="a", instance="kvm2"')]: 1,
          [critical('ExporterDown', 'cluster="a", instance="kvm3"')]: 1,
        },
      },
    },
  },
  {
    what: 'a host that goes down without maintenance pages',
    series: { [inA('kvm1', 'up')]: '1+0x9 0+0x30', [maintenance('kvm1')]: '0+0x9 stale' },
    at: {
      30: {
        [SENT]: { [critical('ExporterDown', 'cluster="a", instance="kvm1"')]: 1 },
        [DOWN]: { [`${DOWN}{cluster="a"}`]: 1 },
      },
    },
  },
  {
    what: 'a host that service discovery loses is noticed for a day, one that was in maintenance is not',
    series: {
      [up('kvm1')]: '1+0x75 stale',
      [up('kvm2')]: '1+0x75 stale',
      [up('kvm3')]: '1+0x750',
      [of('kvm2', 'virtune_host_maintenance')]: '0+0x50 1+0x24 stale',
    },
    everyMinutes: 2,
    at: {
      100: { [SENT]: {} },
      176: { [SENT]: { '{alertname="HostDisappeared", severity="warning", instance="kvm1"}': 1 } },
      206: { [SENT]: { '{alertname="HostDisappeared", severity="warning", instance="kvm1"}': 1 } },
    },
  },
  {
    what: 'where no target is left the absence pages, and the watchdog goes on',
    series: { 'up{job="node", instance="kvm1:9100"}': '1+0x60' },
    isScraped: false,
    at: {
      5: { [SENT]: {} },
      30: {
        [SENT]: { '{alertname="ExporterAbsent", severity="critical"}': 1 },
        'ALERTS{alertname="VirtuneWatchdog"}': {
          'ALERTS{alertname="VirtuneWatchdog", alertstate="firing", severity="none"}': 1,
        },
      },
    },
  },
  {
    what: 'series that come without `up`, by federation or an agent, are not an absence',
    series: { [of('kvm1', 'libvirt_host_memory_overcommit_ratio', 'kind="maximum"')]: '0.5+0x60' },
    isScraped: false,
    at: { 30: { [SENT]: {} } },
  },
  {
    what: 'a transient VM that crashes and is gone from libvirt pages, until it runs again',
    series: {
      [state('ci-runner', 'running')]: '1+0x9 stale _x20 1+0x20',
      // Ten minutes after promtool's time 0.
      [crash('ci-runner')]: '_x10 600+0x20 stale',
    },
    at: {
      9: { [SENT]: {} },
      12: { [SENT]: { [critical('DomainCrashed', 'instance="kvm1", domain="ci-runner"')]: 1 } },
      28: { [SENT]: { [critical('DomainCrashed', 'instance="kvm1", domain="ci-runner"')]: 1 } },
      40: { [SENT]: {} },
    },
  },
  {
    what: 'a VM that crashed and is left off for more than a day no longer pages, whether libvirt lists it or not',
    series: {
      [state('off', 'shutoff')]: '5+0x40',
      [reason('off')]: '3+0x40',
      [crash('off')]: '0+0x40',
      [state('kept', 'crashed')]: '6+0x40',
      [crash('kept')]: '0+0x40',
      [crash('gone')]: '0+0x40',
      [state('new', 'shutoff')]: '_x26 5+0x14',
      [reason('new')]: '_x26 3+0x14',
      [crash('new')]: '_x26 93600+0x14',
    },
    everyMinutes: 60,
    at: {
      600: { 'count(ALERTS{alertname="DomainCrashed", alertstate="firing"})': { '{}': 3 } },
      1740: { [SENT]: { [critical('DomainCrashed', 'instance="kvm1", domain="new"')]: 1 } },
    },
  },
  {
    what: 'a VM that crashed on one host and runs again on another no longer pages, but its namesake there is another VM',
    series: {
      [state('db', 'shutoff')]: '5+0x40',
      [reason('db')]: '3+0x40',
      [crash('db')]: '0+0x40',
      [of('kvm2', 'libvirt_domain_info_state', 'domain="db", state_desc="running"')]: '_x10 1+0x30',
      [of('kvm2', 'libvirt_domain_info', 'domain="db", uuid="u-db"')]: '_x10 1+0x30',
      [state('web', 'shutoff')]: '5+0x40',
      [reason('web')]: '3+0x40',
      [crash('web')]: '0+0x40',
      [of('kvm2', 'libvirt_domain_info_state', 'domain="web", state_desc="running"')]: '1+0x40',
      [of('kvm2', 'libvirt_domain_info', 'domain="web", uuid="u-another"')]: '1+0x40',
      // Also defined there, and off.
      [of('kvm2', 'libvirt_domain_info_state', 'domain="off", state_desc="shutoff"')]: '5+0x40',
      [of('kvm2', 'libvirt_domain_info', 'domain="off", uuid="u-gone"')]: '1+0x40',
      [crash('gone')]: '0+0x40',
    },
    at: {
      5: { 'count(ALERTS{alertname="DomainCrashed", alertstate="firing"})': { '{}': 3 } },
      20: {
        [SENT]: {
          [critical('DomainCrashed', 'instance="kvm1", domain="web"')]: 1,
          [critical('DomainCrashed', 'instance="kvm1", domain="gone"')]: 1,
        },
      },
    },
  },
  {
    what: 'a VM that hangs pages also where the clock of its host is an hour ahead',
    series: {
      [of('kvm1', 'virtune_domain_unresponsive_since_timestamp_seconds', 'domain="db"')]: '3600+0x30',
    },
    at: { 20: { [SENT]: { [critical('DomainUnresponsive', 'instance="kvm1", domain="db"')]: 1 } } },
  },
];
