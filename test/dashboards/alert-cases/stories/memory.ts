import { of, PAGES, SENT, type Story } from './story.ts';

const pressure = (share: string): string =>
  of('kvm1', 'libvirt_host_pressure_seconds_total', `resource="memory", share="${share}"`);
const SWAPPED_IN = of('kvm1', 'libvirt_host_swapped_in_pages_total');
const ratio = of('kvm1', 'libvirt_host_memory_overcommit_ratio', 'kind="maximum"');
const memory = (kind: string, host = 'kvm1', cluster = ''): string =>
  of(host, 'libvirt_host_memory_bytes', `kind="${kind}"`, cluster);
const promised = (kind: string, host = 'kvm1', cluster = ''): string =>
  of(host, 'libvirt_host_memory_promised_bytes', `kind="${kind}"`, cluster);
const cell = (name: string, kind = '', id = 0): string =>
  of('kvm1', `libvirt_host_numa_memory_${name}`, `cell="${id}"${kind === '' ? '' : `, kind="${kind}"`}`);
const AVAILABLE = of('kvm1', 'libvirt_host_memory_available_bytes');
const N1 = 'cluster:virtune_memory_overcommit_after_host_loss:ratio';
const HUGE_N1 = 'cluster:virtune_hugepages_after_host_loss:ratio';
const STALLS = { [pressure('full')]: '0+12x60', [pressure('some')]: '0+20x60', [SWAPPED_IN]: '0+60000x60' };
const critical = (alert: string): string => `{alertname="${alert}", instance="kvm1"}`;
const killed = (host: string): string => of(host, 'libvirt_host_oom_kills_total');
const crashed = (host: string, domain: string): string =>
  of(host, 'virtune_domain_crash_timestamp_seconds', `domain="${domain}", uuid="u-${domain}"`);
const crashPage = (host: string, domain: string): string =>
  `{alertname="DomainCrashed", instance="${host}", domain="${domain}"}`;

/** Three hosts of 100, with 90 in pools, VMs that use 80 of these, and 5 used outside. */
const HUGE_FLEET = Object.fromEntries(
  ['kvm1', 'kvm2', 'kvm3'].flatMap((host) => [
    [memory('total', host, 'a'), '100+0x60'],
    [memory('hugepages', host, 'a'), '90+0x60'],
    [promised('maximum', host, 'a'), '65+0x30 85+0x30'],
    [promised('hugepages', host, 'a'), '60+0x30 80+0x30'],
  ]),
);

export const memoryStories: readonly Story[] = [
  {
    what: 'a host that is overcommitted, stalls and swaps pages once',
    series: { ...STALLS, [ratio]: '1.2+0x60' },
    at: {
      4: { [PAGES]: {} },
      30: { [PAGES]: { [critical('HostMemoryOvercommitCritical')]: 1 } },
      50: { 'count(ALERTS{alertstate="firing", severity="critical"})': { '{}': 1 } },
    },
  },
  {
    what: 'a host that stalls and swaps without overcommit pages once, for the stall',
    series: { ...STALLS, [ratio]: '0.5+0x60' },
    at: { 30: { [PAGES]: { [critical('HostMemoryStalled')]: 1 } } },
  },
  {
    what: 'a host that only swaps, or whose kernel has no PSI, pages once for that',
    series: { [SWAPPED_IN]: '0+60000x60', [ratio]: '0.5+0x60' },
    at: { 30: { [PAGES]: { [critical('HostSwappingIn')]: 1 } } },
  },
  {
    what: 'where a site switches the alert on overcommit off, or makes it a warning, the stall still pages',
    series: { ...STALLS, [ratio]: '1.2+0x60' },
    options: { settings: { HostMemoryOvercommitCritical: { severity: 'warning' } } },
    at: { 30: { [PAGES]: { [critical('HostMemoryStalled')]: 1 } } },
  },
  {
    what: 'once the overcommit is gone the stall pages by itself',
    series: { ...STALLS, [ratio]: '1.2+0x20 0.5+0x40' },
    at: {
      19: { [PAGES]: { [critical('HostMemoryOvercommitCritical')]: 1 } },
      40: { [PAGES]: { [critical('HostMemoryStalled')]: 1 } },
    },
  },
  {
    what: 'a host that swaps all the time pages for it also where it stalls for some minutes again and again',
    series: {
      [SWAPPED_IN]: '0+60000x60',
      [ratio]: '0.5+0x60',
      [pressure('some')]: '0+20x60',
      [pressure('full')]: '0+0x4 18+0x7 36+0x7 54+0x7 72+0x7 90+0x7 108+0x7 126+0x7',
    },
    at: {
      7: { 'ALERTS{alertname="HostMemoryStalled", alertstate="firing"}': {} },
      30: { [PAGES]: { [critical('HostSwappingIn')]: 1 } },
      55: { [PAGES]: { [critical('HostSwappingIn')]: 1 } },
    },
  },
  {
    what: 'a host that swaps all the time pages for it also where VMs come and go, and with them the overcommit',
    series: {
      [SWAPPED_IN]: '0+60000x60',
      [ratio]: `${Array.from({ length: 8 }, () => '1.2+0x3 0.8+0x3').join(' ')}`,
    },
    at: {
      30: { [PAGES]: { [critical('HostSwappingIn')]: 1 } },
      55: { [PAGES]: { [critical('HostSwappingIn')]: 1 } },
    },
  },
  {
    what: 'an OOM kill pages for the VM that it ended, and for the host where a VM crashed half an hour before',
    series: {
      [crashed('kvm1', 'old')]: '0+0x60',
      [killed('kvm1')]: '0+0x29 1+0x30',
      [crashed('kvm2', 'new')]: '_x30 1800+0x30',
      [killed('kvm2')]: '0+0x29 1+0x30',
    },
    at: {
      29: { [PAGES]: { [crashPage('kvm1', 'old')]: 1 } },
      33: {
        [PAGES]: {
          [crashPage('kvm1', 'old')]: 1,
          [critical('HostOomKill')]: 1,
          [crashPage('kvm2', 'new')]: 1,
        },
      },
    },
  },
  {
    what: 'where a site makes the alert on crashes a warning, an OOM kill pages for the host',
    series: { [crashed('kvm1', 'new')]: '_x30 1800+0x30', [killed('kvm1')]: '0+0x29 1+0x30' },
    options: { settings: { DomainCrashed: { severity: 'warning' } } },
    at: { 33: { [PAGES]: { [critical('HostOomKill')]: 1 } } },
  },
  {
    what: 'a host with most of its memory in huge page pools has headroom in the rest',
    series: {
      [memory('total')]: '100+0x60',
      [memory('hugepages')]: '90+0x60',
      [AVAILABLE]: '5+0x30 0.5+0x30',
    },
    at: {
      25: { [SENT]: {} },
      50: { [SENT]: { '{alertname="HostMemoryHeadroomLow", severity="warning", instance="kvm1"}': 1 } },
    },
  },
  {
    what: 'a NUMA cell with most of its memory in huge page pools is full when the rest of it is',
    series: {
      [cell('bytes', 'total')]: '100+0x80',
      [cell('bytes', 'hugepages')]: '96+0x80',
      [cell('available_bytes')]: '2+0x30 0.1+0x50',
      // All of it is in pools: no ordinary memory could run out.
      [cell('bytes', 'total', 1)]: '100+0x80',
      [cell('bytes', 'hugepages', 1)]: '100+0x80',
      [cell('available_bytes', '', 1)]: '0+0x80',
    },
    at: {
      25: { [SENT]: {} },
      70: {
        'count by (alertname, cell) (ALERTS{alertstate="firing", component="numa"})': {
          '{alertname="NumaNodeFull", cell="0"}': 1,
        },
      },
    },
  },
  {
    what: 'a fleet on huge pages is judged by its pools, and by the rest of its memory apart from them',
    series: HUGE_FLEET,
    at: {
      20: {
        [N1]: { [`${N1}{cluster="a"}`]: 0.75 },
        [HUGE_N1]: { [`${HUGE_N1}{cluster="a"}`]: 1 },
        [SENT]: {},
      },
      55: {
        [N1]: { [`${N1}{cluster="a"}`]: 0.75 },
        [HUGE_N1]: { [`${HUGE_N1}{cluster="a"}`]: 240 / 180 },
        [SENT]: { '{alertname="FleetCannotTolerateHostLossHugepages", severity="warning", cluster="a"}': 1 },
      },
    },
  },
  {
    what: 'a fleet without huge pages has no figure for them',
    series: {
      [memory('total', 'kvm1', 'a')]: '100+0x40',
      [memory('hugepages', 'kvm1', 'a')]: '0+0x40',
      [memory('total', 'kvm2', 'a')]: '100+0x40',
      [memory('hugepages', 'kvm2', 'a')]: '0+0x40',
      [promised('maximum', 'kvm1', 'a')]: '80+0x40',
      [promised('hugepages', 'kvm1', 'a')]: '0+0x40',
    },
    at: { 30: { [N1]: { [`${N1}{cluster="a"}`]: 0.8 }, [HUGE_N1]: {}, [SENT]: {} } },
  },
];
