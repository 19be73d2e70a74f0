import { type AlertCase, firing, series } from './case.ts';

/** @param of name of the VM and the reason, separated by a space */
function driftUnknown(of: string) {
  const [domain = '', reason = ''] = of.split(' ');
  return firing(
    'warning',
    'tuning',
    { domain, group: 'drift', reason },
    `Drift of VM "${domain}" on host kvm1 from its tuning profile is unknown (${reason}).`,
    'Its profile cannot be read, its last check is more than 25 h old, or the record of checks cannot be used, so DomainTuningDrift cannot fire. Look at virtune-drift.service and the log of virtune.',
  );
}

export const virtuneCases: readonly AlertCase[] = [
  {
    alert: 'DomainTuningDrift',
    what: 'while it differs from its profile',
    series: {
      'virtune_tuning_drift{job="virtune", instance="kvm1", domain="db1"}': '0+0x5 1+0x30 0+0x10',
      'virtune_tuning_drift{job="virtune", instance="kvm1", domain="web1"}': '0+0x50',
    },
    at: {
      5: [],
      15: [],
      30: [
        firing(
          'warning',
          'tuning',
          { job: 'virtune', instance: 'kvm1', domain: 'db1' },
          'VM "db1" on host kvm1 has drifted from its tuning profile.',
          'It was changed by hand, or a migration or restart lost settings. Run virtune tune drift to see the differences, then apply the profile again or edit it.',
        ),
      ],
      40: [],
    },
  },
  {
    alert: 'DomainTuningCheckStale',
    what: 'of a tuned VM whose check is old or cannot be read, and not where there was never a check',
    series: {
      [series('virtune_domain_missing', 'domain="db1", group="drift", reason="stale"')]: '_x5 1+0x30 stale',
      [series('virtune_domain_missing', 'domain="db2", group="drift", reason="not_permitted"')]:
        '_x5 1+0x30 stale',
      [series('virtune_domain_missing', 'domain="never", group="drift", reason="not_measured"')]: '1+0x50',
      [series('virtune_domain_missing', 'domain="web1", group="balloon", reason="stale"')]: '1+0x50',
    },
    at: {
      5: [],
      15: [],
      30: ['db1 stale', 'db2 not_permitted'].map((each) => driftUnknown(each)),
      40: [],
    },
  },
  {
    alert: 'DomainTuningCheckStale',
    what: 'of a tuned VM whose profile cannot be read, for as long as that is so',
    everyMinutes: 15,
    series: {
      [series('virtune_tuning_checked_timestamp_seconds', 'domain="db1"')]: '1+0x20 stale',
      [series('virtune_domain_missing', 'domain="db1", group="drift", reason="no_profile"')]:
        '_x20 1+0x270 stale',
      // On a host whose first check already found no profile.
      [series('virtune_domain_missing', 'domain="db2", group="drift", reason="no_profile"')]: '1+0x290 stale',
    },
    at: {
      0: [],
      270: [driftUnknown('db2 no_profile')],
      4320: ['db1 no_profile', 'db2 no_profile'].map((each) => driftUnknown(each)),
      4400: [],
    },
  },
  {
    alert: 'DomainTuningCheckStale',
    what: 'of a tuned VM without a check that had one a day ago, as after a reboot',
    everyMinutes: 15,
    series: {
      [series('virtune_tuning_checked_timestamp_seconds', 'domain="db1"')]: '1+0x20 stale',
      [series('virtune_domain_missing', 'domain="db1", group="drift", reason="not_measured"')]: '_x90 1+0x40',
    },
    at: { 1350: [], 1620: [driftUnknown('db1 not_measured')], 1785: [] },
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
    alert: 'ExporterDown',
    what: 'of a host of which two of three scrapes fail, also after the one that does not',
    series: { [series('up')]: `${'1 0 0 '.repeat(14)}1+0x20` },
    at: {
      39: [
        firing(
          'critical',
          'virtune',
          {},
          'Prometheus cannot scrape virtune at host kvm1 most of the time.',
          'No other alert works for this host and its VMs until this is fixed. Check that the host is up, the exporter runs and its port is open.',
        ),
      ],
      46: [],
    },
  },
  {
    alert: 'LibvirtUnreachable',
    what: 'of a host whose libvirt is gone in two of three scrapes, also after the third',
    series: { [series('libvirt_up')]: `${'1 0 0 '.repeat(14)}1+0x20` },
    at: {
      39: [
        firing(
          'critical',
          'libvirt',
          {},
          'Libvirt on host kvm1 does not answer virtune most of the time.',
          'virtune runs, and VMs keep running, but they can be neither monitored nor managed. Check libvirtd; restarting it does not stop VMs.',
        ),
      ],
      46: [],
    },
  },
  {
    alert: 'HostDisappeared',
    what: 'while a host that was a target an hour ago is not one, and no longer once it is again',
    series: { [series('up')]: '1+0x90 stale _x29 1+0x30', [series('up', '', 'kvm2')]: '1+0x150' },
    at: {
      90: [],
      110: [
        firing(
          'warning',
          'virtune',
          {},
          'Prometheus scraped host kvm1 a day or an hour ago, but it is no longer a target.',
          'No alert works for this host and its VMs. Service discovery has lost it, or its labels changed. If it was removed on purpose, put it in maintenance first; this alert ends after a day.',
        ),
      ],
      135: [],
    },
  },
  {
    alert: 'ExporterAbsent',
    what: 'while there is not one target of virtune, whatever other jobs there are',
    series: {
      [series('up')]: '1+0x5 stale _x24 1+0x10',
      'up{job="node", instance="kvm1:9100"}': '1+0x40',
    },
    at: {
      5: [],
      25: [
        {
          labels: { severity: 'critical', component: 'virtune' },
          summary: 'Prometheus has no virtune target.',
          description:
            'None of the other alerts can fire. Service discovery is empty, or the job has another name than the rules expect: build them with --job.',
        },
      ],
      35: [],
    },
  },
  {
    alert: 'ExporterConfigInvalid',
    what: 'from five minutes after a reload that failed to the next that succeeds',
    series: { [series('virtune_config_last_reload_successful')]: '1+0x5 0+0x10 1+0x10' },
    at: {
      5: [],
      12: [
        firing(
          'warning',
          'virtune',
          {},
          'Virtune on host kvm1 could not reload its configuration.',
          'It runs with the previous one, and a restart would fail. Its log names the file and the key that is wrong.',
        ),
      ],
      20: [],
    },
  },
  {
    alert: 'ExporterClockSkew',
    what: 'while a clock is a minute ahead or behind, and not for the seconds that a sample takes',
    series: {
      [series('virtune_sample_timestamp_seconds')]: '0+60x5 420+60x20 1620+60x20',
      [series('virtune_sample_timestamp_seconds', '', 'behind')]: '0+60x5 300+60x20 1620+60x20',
      [series('virtune_sample_timestamp_seconds', '', 'slow')]: '-8+60x50',
    },
    at: {
      5: [],
      20: [
        firing(
          'warning',
          'virtune',
          {},
          'The clocks of virtune on host kvm1 and of Prometheus differ by 1m 0s.',
          'Ages in alerts and dashboards are wrong by as much, and logs do not line up. Check NTP on both machines.',
        ),
        firing(
          'warning',
          'virtune',
          { instance: 'behind' },
          'The clocks of virtune on host behind and of Prometheus differ by 1m 0s.',
          'Ages in alerts and dashboards are wrong by as much, and logs do not line up. Check NTP on both machines.',
        ),
      ],
      35: [],
    },
  },
  {
    alert: 'VirtuneWatchdog',
    what: 'always, also where nothing else is',
    series: {},
    at: {
      0: [
        {
          labels: { severity: 'none' },
          summary: 'The rules of virtune are evaluated and notifications are sent.',
          description:
            'Always fires. Route it to a service that notifies you when it stops: then Prometheus, its rules, Alertmanager or the path between them is broken.',
        },
      ],
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
          'libvirt',
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
          'libvirt',
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
          'virtune-elasticsearch',
          {},
          'Documents on host kvm1 have waited 25m 0s for the search server.',
          'No documents are lost while the disk queue has space. Check that the search server is up and accepts documents, and how long the space lasts.',
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
          'virtune-elasticsearch',
          {},
          '17 documents from host kvm1 were dropped, or rejected by the search server.',
          'The queue was full, documents were too old, or the server rejected them. List rejected documents and reasons with virtune elasticsearch dead-letters list.',
        ),
      ],
      45: [],
    },
  },
  {
    alert: 'OutputDocumentsDropped',
    what: 'as soon as documents of the output are dropped, and until ten minutes after the last of them',
    series: {
      [series('virtune_output_dropped_total', 'reason="buffer_full"')]: '0+0x20 10+0x30',
      [series('virtune_output_dropped_total', 'reason="failed"')]: '0+0x20 4+0x30',
      [series('virtune_output_dropped_total', 'reason="failed"', 'kvm2')]: '5+0x50',
    },
    at: {
      20: [],
      25: [
        firing(
          'warning',
          'virtune-output',
          {},
          '14 documents from host kvm1 could not be written to the output of virtune.',
          'Readers of the output have a gap. Its disk is full, or its reader is too slow: the log of virtune has the reason and what to do.',
        ),
      ],
      45: [],
    },
  },
  {
    alert: 'OtlpQueueDelayed',
    what: 'when the oldest data point has waited for more than ten minutes, ten minutes long',
    series: { [series('virtune_otlp_oldest_age_seconds')]: '0+60x40 0+0x10' },
    at: {
      10: [],
      20: [],
      25: [
        firing(
          'warning',
          'virtune-otlp',
          {},
          'Data points on host kvm1 have waited 25m 0s for the OTLP receiver.',
          'No data points are lost while the disk queue has space. Check that the OTLP receiver is up and accepts data points, and how long the space lasts.',
        ),
      ],
      45: [],
    },
  },
  {
    alert: 'OtlpPointsLost',
    what: 'as soon as data points are given up, and until ten minutes after the last of them',
    series: {
      [series('virtune_otlp_dropped_total', 'reason="queue_full"')]: '0+0x20 10+0x30',
      [series('virtune_otlp_dropped_total', 'reason="too_old"')]: '0+0x20 4+0x30',
      [series('virtune_otlp_dead_letters_total')]: '0+0x20 2+0x30',
      [series('virtune_otlp_rejected_total')]: '0+0x20 1+0x30',
    },
    at: {
      20: [],
      25: [
        firing(
          'critical',
          'virtune-otlp',
          {},
          '17 data points from host kvm1 were dropped, or rejected by the OTLP receiver.',
          'The queue was full, data points were too old, or the receiver rejected them. The log of virtune has the reason of the receiver.',
        ),
      ],
      45: [],
    },
  },
];
