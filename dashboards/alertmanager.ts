import { HOST_IDENTITY } from './promql.ts';

/**
 * Labels that identify the subject of an alert: a VM or its device, a pool, a NUMA cell, or without any of them the
 * host.
 */
const SUBJECT = [...HOST_IDENTITY, 'domain', 'target_device', 'storage_pool', 'cell', 'component'] as const;

const BY_SEVERITY = [
  { matchers: ['severity="critical"'], receiver: 'pager', repeat_interval: '1h' },
  { matchers: ['severity="info"'], receiver: 'tickets', repeat_interval: '7d' },
] as const;

/** For alerts whose cause is usually shared by hosts: one group for all hosts of a cluster. */
const oncePerCluster = (matcher: string) => ({
  matchers: [matcher],
  group_by: ['alertname', 'cluster'],
  routes: BY_SEVERITY,
});

/**
 * A sample Alertmanager configuration with one notification per event. Alerts of one host and component are grouped,
 * however many VMs they concern, and so are hosts of a cluster that become unreachable, or that lose shared storage or
 * a shared server. A critical alert inhibits warnings of the same subject, and an alert that summarizes others inhibits
 * them. An alert that a site has made critical is only inhibited by critical alerts.
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
      // Hosts that share a pool fire the same alert.
      {
        matchers: ['alertname="ThinPoolOvercommit"'],
        group_by: ['alertname', 'cluster', 'storage_pool'],
        routes: BY_SEVERITY,
      },
      // A broken network, certificate or rollout is one event, however many hosts it affects.
      oncePerCluster('alertname=~"ExporterDown|LibvirtUnreachable|HostDisappeared|ExporterConfigInvalid"'),
      // So is a fault of shared storage, whether it hangs, is slow, or fails.
      oncePerCluster(
        'alertname=~"HostDisksHung|HostDisksSlow|HostIoStalled|DomainPausedByIoError|DiskErrors"',
      ),
      // And so is a fault of the server that all hosts send to.
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
    // A dead man's switch: a service that notifies you when this alert stops arriving.
    { name: 'watchdog', webhook_configs: [{ url: 'http://127.0.0.1:9095/watchdog', send_resolved: false }] },
  ],
} as const;
