import { metric } from '../../promql.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, LASTING, WHOLE } from '../text.ts';

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
    alert({
      alert: 'SpoolGrowing',
      severity: 'warning',
      component: 'virtune',
      for: '10m',
      thresholds: {
        seconds: {
          value: 600,
          unit: 'seconds',
          from: 'ours: longer than a restart of a search server takes',
        },
      },
      expr: ({ seconds }) => `${metric('virtune_elasticsearch_oldest_age_seconds')} > ${seconds}`,
      summary: () => `On ${HOST} the oldest document for the search server has waited for ${LASTING}.`,
      description: () =>
        'Nothing is lost while the queue on disk has room. See whether the server is up and takes documents, and how long the room lasts.',
    }),
    alert({
      alert: 'DocumentsLost',
      severity: 'critical',
      component: 'virtune',
      for: '0s',
      thresholds: {},
      expr: (_, { range }) =>
        `sum by (job, instance) (increase(${metric('virtune_elasticsearch_dropped_total')}[${range('10m')}])) + sum by (job, instance) (increase(${metric('virtune_elasticsearch_dead_letters_total')}[${range('10m')}])) > 0`,
      summary: () => `On ${HOST} ${WHOLE} documents never reached the search server.`,
      description: () =>
        'They are given up: the queue was full or they grew too old, or the server refuses them for good. Dead letters stand with its reason in dead-letters.ndjson.',
    }),
  ],
};
