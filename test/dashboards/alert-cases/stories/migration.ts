import { of, PAGES, SENT, type Story } from './story.ts';

const state = (host: string, domain: string, word: string): string =>
  of(host, 'libvirt_domain_info_state', `domain="${domain}", state_desc="${word}"`);
const reason = (host: string, domain: string): string =>
  of(host, 'libvirt_domain_info_state_reason', `domain="${domain}"`);
const hosts = (...names: string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => [
      [of(name, 'libvirt_host_cpus', 'state="online"', 'a'), '10+0x60'],
      [of(name, 'libvirt_host_memory_bytes', 'kind="total"', 'a'), '100+0x60'],
    ]),
  );
const vcpus = (host: string, kind: string): string => of(host, 'libvirt_host_vcpus', `state="${kind}"`, 'a');
const promised = (host: string, kind: string): string =>
  of(host, 'libvirt_host_memory_promised_bytes', `kind="${kind}"`, 'a');
const VCPUS_N1 = 'cluster:virtune_vcpu_overcommit_after_host_loss:ratio';
const MEMORY_N1 = 'cluster:virtune_memory_overcommit_after_host_loss:ratio';

/** For each reason, a VM that stays paused for it. */
const pausedFor = (...reasons: number[]): Record<string, string> =>
  Object.fromEntries(
    reasons.flatMap((number) => [
      [state('kvm1', `for-${number}`, 'paused'), '3+0x400'],
      [reason('kvm1', `for-${number}`), `${number}+0x400`],
    ]),
  );

export const migrationStories: readonly Story[] = [
  {
    what: 'a live migration of 12 minutes pages on neither host',
    series: {
      [state('kvm1', 'db', 'running')]: '1+0x20 stale',
      [reason('kvm1', 'db')]: '1+0x20 stale',
      [state('kvm2', 'db', 'paused')]: '_x7 3+0x12 stale',
      [state('kvm2', 'db', 'running')]: '_x20 1+0x20',
      [reason('kvm2', 'db')]: '_x7 2+0x12 1+0x20',
    },
    at: { 12: { [SENT]: {} }, 15: { [SENT]: {} }, 30: { [SENT]: {} } },
  },
  {
    what: 'a post-copy migration of 20 minutes does not page for the source that no longer runs',
    series: {
      [state('kvm1', 'db', 'running')]: '1+0x5 stale',
      [state('kvm1', 'db', 'paused')]: '_x6 3+0x20 stale',
      [reason('kvm1', 'db')]: '1+0x5 12+0x20 stale',
      [state('kvm2', 'db', 'running')]: '_x6 1+0x30',
      [reason('kvm2', 'db')]: '_x6 10+0x30',
    },
    at: { 15: { [SENT]: {} }, 24: { [SENT]: {} } },
  },
  {
    what: 'a VM that is paused by a save, dump, snapshot or start, or by its user, does not page for hours',
    series: pausedFor(1, 2, 3, 4, 7, 9, 11, 12),
    at: { 200: { [SENT]: {} }, 350: { [PAGES]: {} } },
  },
  {
    what: 'a VM that is paused by an error pages, whichever error it is',
    series: pausedFor(0, 5, 6, 8, 10, 13, 14),
    at: {
      10: {
        'count(ALERTS{alertstate="firing", alertname="DomainPaused", severity="critical"})': { '{}': 6 },
        'count(ALERTS{alertstate="firing", alertname="DomainPausedByIoError", severity="critical"})': {
          '{}': 1,
        },
      },
    },
  },
  {
    what: 'a VM counts once for vCPUs and for memory while it migrates, also on huge pages',
    series: {
      ...hosts('kvm1', 'kvm2', 'kvm3'),
      // A VM of 8 vCPUs and 40 bytes of memory: 30 minutes on kvm1, then 10 in transit, then on kvm2.
      [vcpus('kvm1', 'running')]: '8+0x39 0+0x20',
      [vcpus('kvm2', 'running')]: '0+0x39 8+0x20',
      [vcpus('kvm2', 'paused')]: '0+0x29 8+0x9 0+0x20',
      [promised('kvm1', 'maximum')]: '40+0x39 0+0x20',
      [promised('kvm1', 'migrating')]: '0+0x60',
      [promised('kvm2', 'maximum')]: '0+0x29 40+0x30',
      [promised('kvm2', 'migrating')]: '0+0x29 40+0x9 0+0x20',
      // Another, on huge pages, arrives at kvm3 from a host of another cluster.
      [promised('kvm3', 'maximum')]: '0+0x29 30+0x30',
      [promised('kvm3', 'hugepages')]: '0+0x29 30+0x30',
      [promised('kvm3', 'migrating')]: '0+0x29 30+0x9 0+0x20',
      [promised('kvm3', 'migrating_hugepages')]: '0+0x29 30+0x9 0+0x20',
    },
    at: Object.fromEntries(
      [20, 35, 55].map((minute) => [
        minute,
        {
          [VCPUS_N1]: { [`${VCPUS_N1}{cluster="a"}`]: 0.4 },
          [MEMORY_N1]: { [`${MEMORY_N1}{cluster="a"}`]: 0.2 },
        },
      ]),
    ),
  },
  {
    what: 'a VM that was shut down, destroyed, saved or migrated away is off on purpose, and so is one that never ran',
    series: Object.fromEntries(
      [0, 1, 2, 4, 5, 6, 7].flatMap((number) => [
        [state('kvm1', `off-${number}`, 'shutoff'), '5+0x60'],
        [reason('kvm1', `off-${number}`), `${number}+0x60`],
      ]),
    ),
    at: { 5: { [SENT]: {} }, 50: { [SENT]: {} } },
  },
];
