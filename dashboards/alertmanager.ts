import { HOST_IDENTITY } from './promql.ts';

/** What an alert is about: a VM or a device of it, a pool, a NUMA cell, or the host as a whole where there is no such label. */
const SUBJECT = [...HOST_IDENTITY, 'domain', 'target_device', 'storage_pool', 'cell', 'component'] as const;

const BY_SEVERITY = [
  { matchers: ['severity="critical"'], receiver: 'pager', repeat_interval: '1h' },
  { matchers: ['severity="info"'], receiver: 'tickets', repeat_interval: '7d' },
] as const;

/** Alerts whose cause is mostly one that hosts share: each is one group for all hosts of a cluster. */
const oncePerCluster = (matcher: string) => ({
  matchers: [matcher],
  group_by: ['alertname', 'cluster'],
  routes: BY_SEVERITY,
});

/**
 * An Alertmanager configuration to start from. One event is one notification: alerts of one host and one component are in one
 * group, however many VMs they are about, and so are hosts of a cluster that are not reached, or that lose the storage or the
 * server that they share; a critical alert inhibits warnings of the same subject; and an alert that stands for many inhibits
 * them. An alert that a site has made critical is inhibited by none that is not.
 */
export const alertmanagerExample = {
  route: {
    receiver: 'chat',
    group_by: ['cluster', 'instance', 'component'],
    group_wait: '30s',
    group_interval: '5m',
    repeat_interval: '12h',
    routes: [
      {
        matchers: ['alertname="VirtuneWatchdog"'],
        receiver: 'watchdog',
        group_by: ['alertname'],
        group_wait: '0s',
        group_interval: '1m',
        repeat_interval: '5m',
      },
      // Hosts that share a pool have the same alert.
      {
        matchers: ['alertname="ThinPoolOvercommit"'],
        group_by: ['alertname', 'cluster', 'storage_pool'],
        routes: BY_SEVERITY,
      },
      // A network, a certificate or a rollout that is broken is one event, on however many hosts it shows.
      oncePerCluster('alertname=~"ExporterDown|LibvirtUnreachable|HostDisappeared|ExporterConfigInvalid"'),
      // So is storage that many hosts use, whether it hangs, is slow, or fails.
      oncePerCluster(
        'alertname=~"HostDisksHung|HostDisksSlow|HostIoStalled|DomainPausedByIoError|DiskErrors"',
      ),
      // And the server that all hosts send to.
      oncePerCluster(
        'alertname=~"ElasticsearchDocumentsLost|ElasticsearchQueueDelayed|OtlpPointsLost|OtlpQueueDelayed"',
      ),
      ...BY_SEVERITY,
    ],
  },
  inhibit_rules: [
    {
      source_matchers: ['severity="critical"'],
      target_matchers: ['severity=~"warning|info"'],
      equal: SUBJECT,
    },
    { source_matchers: ['severity="warning"'], target_matchers: ['severity="info"'], equal: SUBJECT },
    {
      source_matchers: ['alertname="HostDisksSlow"'],
      target_matchers: ['alertname="DiskLatencyHigh"', 'severity=~"warning|info"'],
      equal: HOST_IDENTITY,
    },
    {
      source_matchers: ['alertname="ExporterAbsent"', 'severity="critical"'],
      target_matchers: ['alertname="HostDisappeared"'],
    },
  ],
  receivers: [
    { name: 'pager', webhook_configs: [{ url: 'http://127.0.0.1:9095/pager', send_resolved: true }] },
    { name: 'chat', webhook_configs: [{ url: 'http://127.0.0.1:9095/chat', send_resolved: true }] },
    { name: 'tickets', webhook_configs: [{ url: 'http://127.0.0.1:9095/tickets', send_resolved: true }] },
    // A dead man's switch: a service that notifies you when this stops.
    { name: 'watchdog', webhook_configs: [{ url: 'http://127.0.0.1:9095/watchdog', send_resolved: false }] },
  ],
} as const;
