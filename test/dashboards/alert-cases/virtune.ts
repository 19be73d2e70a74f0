import { type AlertCase, firing, series } from './case.ts';

export const virtuneCases: readonly AlertCase[] = [
  {
    alert: 'DomainTuningDrift',
    what: 'while it differs from its profile, as the node_exporter of that host reports',
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
          'VM "db1" on host kvm1:9100 has drifted from its tuning profile.',
          'It was changed by hand, or a migration or restart lost settings. Run virtune tune drift to see the differences, then apply the profile again or edit it.',
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
          'No other alert works for this host and its VMs until this is fixed. Check that the host is up, the exporter runs and its port is open.',
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
          'Libvirt on host kvm1 does not answer virtune.',
          'virtune runs, and VMs keep running, but they can be neither monitored nor managed. Check libvirtd; restarting it does not stop VMs.',
        ),
      ],
      20: [],
    },
  },
  {
    alert: 'HostSamplingSlow',
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
          'Sampling host kvm1 takes 6s.',
          'VMs will soon be reported late. Check for slow libvirt calls and hung VMs, and disable metric groups that you do not need.',
        ),
      ],
      30: [],
    },
  },
  {
    alert: 'ElasticsearchQueueDelayed',
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
          'Documents on host kvm1 have waited 25m 0s for the search server.',
          'No documents are lost while the disk queue has space. Check that the server is up and accepts documents, and how long the space lasts.',
        ),
      ],
      45: [],
    },
  },
  {
    alert: 'ElasticsearchDocumentsLost',
    what: 'as soon as documents are given up, and until ten minutes after the last of them',
    series: {
      [series('virtune_elasticsearch_dropped_total', 'reason="queue_full"')]: '0+0x20 10+0x30',
      [series('virtune_elasticsearch_dropped_total', 'reason="too_old"')]: '0+0x20 4+0x30',
      [series('virtune_elasticsearch_dead_letters_total', 'reason="a"')]: '0+0x20 2+0x30',
      [series('virtune_elasticsearch_dead_letters_total', 'reason="b"')]: '0+0x20 1+0x30',
    },
    at: {
      20: [],
      25: [
        firing(
          'critical',
          'virtune',
          {},
          '17 documents from host kvm1 were dropped before they reached the search server.',
          'The queue was full, documents were too old, or the server rejected them. Rejected documents and reasons are in dead-letters.ndjson.',
        ),
      ],
      45: [],
    },
  },
];
