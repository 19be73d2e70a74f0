import { metric } from '../../promql.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, LASTING } from '../text.ts';

export const virtuneAlerts: AlertGroup = {
  name: 'virtune',
  help: 'virtune itself, without which all other alerts are silent.',
  alerts: [
    alert({
      alert: 'ExporterDown',
      severity: 'critical',
      component: 'virtune',
      for: '5m',
      thresholds: {},
      expr: (_, { ofVirtune }) => `${metric('up', ofVirtune)} == 0`,
      summary: () => `Prometheus cannot scrape virtune at ${HOST}.`,
      description: () =>
        'No other alert can tell of this host and its VMs meanwhile. See whether the host is up, then whether the exporter runs and its port is open.',
    }),
    alert({
      alert: 'LibvirtUnreachable',
      severity: 'critical',
      component: 'virtune',
      for: '5m',
      thresholds: {},
      expr: () => `${metric('libvirt_up')} == 0`,
      summary: () => `On ${HOST} libvirt does not answer virtune.`,
      description: () =>
        'virtune itself runs, and so do VMs, but nothing can be seen of them or done to them. See whether libvirtd runs; restarting it does not stop VMs.',
    }),
    alert({
      alert: 'StatsSlow',
      severity: 'warning',
      component: 'virtune',
      for: '15m',
      thresholds: {
        seconds: { value: 5, unit: 'seconds', from: "ours: half of Prometheus' usual scrape timeout" },
      },
      expr: ({ seconds }) => `${metric('virtune_sample_duration_seconds')} > ${seconds}`,
      summary: () => `Asking ${HOST} and its VMs takes ${LASTING}.`,
      description: () =>
        'Soon VMs will be reported late. See which calls are slow, whether a VM hangs, and which groups of metrics can go.',
    }),
  ],
};
