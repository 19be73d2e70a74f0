/**
 * An Alertmanager configuration to start from. A critical alert inhibits warnings of the same host, VM, device and
 * component, so that one fault notifies once; an exporter that is down is one page, not one per VM.
 */
export const alertmanagerExample = {
  route: {
    receiver: 'chat',
    group_by: ['alertname', 'cluster', 'instance'],
    group_wait: '30s',
    group_interval: '5m',
    repeat_interval: '12h',
    routes: [
      { matchers: ['severity="critical"'], receiver: 'pager', repeat_interval: '1h' },
      { matchers: ['severity="info"'], receiver: 'tickets', repeat_interval: '7d' },
    ],
  },
  inhibit_rules: [
    {
      source_matchers: ['severity="critical"'],
      target_matchers: ['severity=~"warning|info"'],
      equal: ['cluster', 'instance', 'domain', 'target_device', 'component'],
    },
    {
      source_matchers: ['severity="warning"'],
      target_matchers: ['severity="info"'],
      equal: ['cluster', 'instance', 'domain', 'target_device', 'component'],
    },
  ],
  receivers: [
    { name: 'pager', webhook_configs: [{ url: 'http://127.0.0.1:9095/pager', send_resolved: true }] },
    { name: 'chat', webhook_configs: [{ url: 'http://127.0.0.1:9095/chat', send_resolved: true }] },
    { name: 'tickets', webhook_configs: [{ url: 'http://127.0.0.1:9095/tickets', send_resolved: true }] },
  ],
} as const;
