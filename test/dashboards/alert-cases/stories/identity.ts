import { of, SENT, type Story } from './story.ts';

const delay = (cluster: string, host: string, domain: string, more = ''): string =>
  of(host, 'libvirt_domain_vcpu_delay_seconds_total', `domain="${domain}", vcpu="0"${more}`, cluster);
const time = (cluster: string, host: string, domain: string, more = ''): string =>
  of(host, 'libvirt_domain_vcpu_time_seconds_total', `domain="${domain}", vcpu="0"${more}`, cluster);
const vcpus = (cluster: string, host: string, domain: string, more = ''): string =>
  of(host, 'libvirt_domain_vcpu_current', `domain="${domain}"${more}`, cluster);
const ratio = (cluster: string, host: string, more = ''): string =>
  of(host, 'libvirt_host_vcpu_overcommit_ratio', `state="running"${more}`, cluster);
const state = (cluster: string, host: string, domain: string, word: string): string =>
  of(host, 'libvirt_domain_info_state', `domain="${domain}", state_desc="${word}"`, cluster);
const reason = (cluster: string, host: string, domain: string): string =>
  of(host, 'libvirt_domain_info_state_reason', `domain="${domain}"`, cluster);
const waits = (cluster: string, host: string, domain: string, more = ''): Record<string, string> => ({
  [delay(cluster, host, domain, more)]: '0+12x60',
  [time(cluster, host, domain, more)]: '0+48x60',
  [vcpus(cluster, host, domain, more)]: '1+0x60',
});
const memory = (
  cluster: string,
  host: string,
  total: number,
  maximum: number,
  more = '',
): Record<string, string> => ({
  [of(host, 'libvirt_host_memory_bytes', `kind="total"${more}`, cluster)]: `${total}+0x60`,
  [of(host, 'libvirt_host_memory_promised_bytes', `kind="maximum"${more}`, cluster)]: `${maximum}+0x60`,
});
const STOLEN =
  'count by (cluster, instance, domain) (ALERTS{alertname="DomainCpuStealCritical", alertstate="firing"})';
const N1 = 'cluster:virtune_memory_overcommit_after_host_loss:ratio';
const CONTENTION = 'cluster:virtune_vcpu_contention:ratio_rate5m';
const A = ', prometheus_replica="a"';
const B = ', prometheus_replica="b"';

export const identityStories: readonly Story[] = [
  {
    what: 'hosts of one name in two clusters are two: contention of one and overcommit of the other make no alert',
    series: {
      ...waits('a', 'kvm1', 'db'),
      [ratio('a', 'kvm1')]: '0.5+0x60',
      [ratio('b', 'kvm1')]: '3+0x60',
    },
    at: {
      40: {
        [SENT]: {
          '{alertname="DomainCpuStealHigh", severity="warning", cluster="a", instance="kvm1", domain="db"}': 1,
          '{alertname="DomainCpuStealCritical", severity="critical", cluster="a", instance="kvm1", domain="db"}': 1,
        },
      },
    },
  },
  {
    what: 'VMs of one name on two hosts and in two clusters are three, and only the one that waits pages',
    series: {
      ...waits('a', 'kvm1', 'db'),
      [delay('a', 'kvm2', 'db')]: '0+0x60',
      [vcpus('a', 'kvm2', 'db')]: '1+0x60',
      [delay('b', 'kvm1', 'db')]: '0+0x60',
      [vcpus('b', 'kvm1', 'db')]: '1+0x60',
    },
    at: { 40: { [STOLEN]: { '{cluster="a", instance="kvm1", domain="db"}': 1 } } },
  },
  {
    what: 'a VM that is paused in one cluster has the reason that its host reports, not that of its namesake elsewhere',
    series: {
      [state('a', 'kvm1', 'db', 'paused')]: '3+0x30',
      [reason('a', 'kvm1', 'db')]: '1+0x30',
      [state('b', 'kvm1', 'db', 'running')]: '1+0x30',
      [reason('b', 'kvm1', 'db')]: '5+0x30',
    },
    at: { 20: { [SENT]: {} } },
  },
  {
    what: 'each cluster is judged by its own largest host',
    series: {
      ...memory('big', 'b1', 1_000, 300),
      ...memory('big', 'b2', 1_000, 0),
      ...memory('big', 'b3', 1_000, 0),
      ...memory('small', 's1', 100, 190),
      ...memory('small', 's2', 100, 0),
    },
    at: {
      30: {
        [N1]: { [`${N1}{cluster="big"}`]: 0.15, [`${N1}{cluster="small"}`]: 1.9 },
        [SENT]: { '{alertname="FleetCannotTolerateHostLossMemory", severity="warning", cluster="small"}': 1 },
      },
    },
  },
  {
    what: 'a site without the label has one cluster',
    series: { ...memory('', 'kvm1', 100, 80), ...memory('', 'kvm2', 100, 80) },
    at: {
      40: {
        [N1]: { [N1]: 1.6 },
        [SENT]: { '{alertname="FleetCannotTolerateHostLossMemory", severity="warning"}': 1 },
      },
    },
  },
  {
    what: 'a fleet is not twice as large where two replicas of Prometheus write it and their label is left on',
    series: {
      ...memory('a', 'kvm1', 100, 80, A),
      ...memory('a', 'kvm2', 100, 80, A),
      ...memory('a', 'kvm1', 100, 80, B),
      ...memory('a', 'kvm2', 100, 80, B),
      ...waits('a', 'kvm1', 'db', A),
      ...waits('a', 'kvm1', 'db', B),
      [ratio('a', 'kvm1', A)]: '2+0x60',
      [ratio('a', 'kvm1', B)]: '2+0x60',
    },
    at: {
      40: {
        [N1]: { [`${N1}{cluster="a"}`]: 1.6 },
        [CONTENTION]: { [`${CONTENTION}{cluster="a"}`]: 0.2 },
        // Each replica has its alerts; they become one when Alertmanager drops the label.
        [STOLEN]: { '{cluster="a", instance="kvm1", domain="db"}': 2 },
        'count(ALERTS{alertname="HostCpuContentionHigh", alertstate="firing"})': { '{}': 2 },
      },
    },
  },
  {
    what: 'another exporter with the same names beside virtune is neither counted nor alerted on',
    series: {
      ...waits('', 'kvm1', 'db'),
      'libvirt_domain_vcpu_delay_seconds_total{job="libvirt", instance="kvm1:9000", domain="db", vcpu="0"}':
        '0+50x60',
      'libvirt_domain_vcpu_time_seconds_total{job="libvirt", instance="kvm1:9000", domain="db", vcpu="0"}':
        '0+10x60',
      'libvirt_domain_vcpu_current{job="libvirt", instance="kvm1:9000", domain="db"}': '1+0x60',
      'libvirt_domain_info_state{job="libvirt", instance="kvm1:9000", domain="db", state_desc="paused"}':
        '3+0x60',
      'libvirt_up{job="libvirt", instance="kvm1:9000"}': '0+0x60',
      'up{job="libvirt", instance="kvm1:9000"}': '0+0x60',
    },
    at: {
      40: {
        [CONTENTION]: { [CONTENTION]: 0.2 },
        [SENT]: {
          '{alertname="DomainCpuStealHigh", severity="warning", instance="kvm1", domain="db"}': 1,
          '{alertname="DomainCpuStealCritical", severity="critical", instance="kvm1", domain="db"}': 1,
        },
      },
    },
  },
  {
    what: 'a job with another name is found by --job',
    series: {
      'libvirt_up{job="hypervisors", instance="kvm1"}': '0+0x30',
      'up{job="hypervisors", instance="kvm1"}': '1+0x30',
    },
    isScraped: false,
    options: { job: 'hypervisors' },
    at: {
      20: { [SENT]: { '{alertname="LibvirtUnreachable", severity="critical", instance="kvm1"}': 1 } },
    },
  },
];
