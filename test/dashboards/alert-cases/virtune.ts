import { type AlertCase, firing, series } from './case.ts';

export const virtuneCases: readonly AlertCase[] = [
  {
    alert: 'DomainTuningDrift',
    what: 'while it is not as its profile says, told by node_exporter of that host',
    series: {
      'virtune_tuning_drift{job="node", instance="kvm1:9100", domain="db1"}': '0+0x5 1+0x30 0+0x10',
      'virtune_tuning_drift{job="node", instance="kvm1:9100", domain="web1"}': '0+0x50',
    },
    at: {
      5: [],
      15: [],
      30: [
        firing(
          'warning',
          'tuning',
          { job: 'node', instance: 'kvm1:9100', domain: 'db1' },
          'VM "db1" on host kvm1:9100 is no longer tuned as its profile says.',
          'Somebody changed it by hand, or a migration or restart lost what is not kept. See what differs, then apply the profile again or change it.',
        ),
      ],
      40: [],
    },
  },
  {
    alert: 'ExporterDown',
    what: 'of a host that cannot be scraped; other jobs are not ours',
    series: {
      [series('up')]: '1+0x5 0+0x10 1+0x10',
      [series('up', '', 'kvm2')]: '1+0x30',
      'up{job="node", instance="kvm1:9100"}': '0+0x30',
    },
    at: {
      5: [],
      8: [],
      14: [
        firing(
          'critical',
          'virtune',
          {},
          'Prometheus cannot scrape virtune at host kvm1.',
          'No other alert can tell of this host and its VMs meanwhile. See whether the host is up, then whether the exporter runs and its port is open.',
        ),
      ],
      20: [],
    },
  },
  {
    alert: 'LibvirtUnreachable',
    what: 'when virtune can be scraped and libvirt does not answer it',
    series: { [series('libvirt_up')]: '1+0x5 0+0x10 1+0x10' },
    at: {
      5: [],
      14: [
        firing(
          'critical',
          'virtune',
          {},
          'On host kvm1 libvirt does not answer virtune.',
          'virtune itself runs, and so do VMs, but nothing can be seen of them or done to them. See whether libvirtd runs; restarting it does not stop VMs.',
        ),
      ],
      20: [],
    },
  },
  {
    alert: 'StatsSlow',
    what: 'when a sample takes six seconds for a quarter of an hour',
    series: { [series('virtune_sample_duration_seconds')]: '1+0x5 6+0x20 1+0x10' },
    at: {
      5: [],
      15: [],
      25: [
        firing(
          'warning',
          'virtune',
          {},
          'Asking host kvm1 and its VMs takes 6s.',
          'Soon VMs will be reported late. See which calls are slow, whether a VM hangs, and which groups of metrics can go.',
        ),
      ],
      30: [],
    },
  },
  {
    alert: 'SpoolGrowing',
    what: 'when the oldest document has waited for more than ten minutes, ten minutes long',
    series: { [series('virtune_elasticsearch_oldest_age_seconds')]: '0+60x40 0+0x10' },
    at: {
      10: [],
      20: [],
      25: [
        firing(
          'warning',
          'virtune',
          {},
          'On host kvm1 the oldest document for the search server has waited for 25m 0s.',
          'Nothing is lost while the queue on disk has room. See whether the server is up and takes documents, and how long the room lasts.',
        ),
      ],
      45: [],
    },
  },
  {
    alert: 'DocumentsLost',
    what: 'as soon as documents are given up, and until ten minutes after the last of them',
    series: {
      [series('virtune_elasticsearch_dropped_total', 'reason="queue_full"')]: '0+0x20 10+0x30',
      [series('virtune_elasticsearch_dropped_total', 'reason="too_old"')]: '0+0x50',
      [series('virtune_elasticsearch_dead_letters_total')]: '0+0x50',
    },
    at: {
      20: [],
      25: [
        firing(
          'critical',
          'virtune',
          {},
          'On host kvm1 10 documents never reached the search server.',
          'They are given up: the queue was full or they grew too old, or the server refuses them for good. Dead letters stand with its reason in dead-letters.ndjson.',
        ),
      ],
      45: [],
    },
  },
];
