import { metric } from '../../promql.ts';
import { type AlertGroup, alert } from '../rule.ts';
import { HOST, LASTING, WHOLE } from '../text.ts';

export const virtuneAlerts: AlertGroup = {
  name: 'virtune',
  help: 'virtune itself. Without it no other alert fires.',
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
        'No other alert works for this host and its VMs until this is fixed. Check that the host is up, the exporter runs and its port is open.',
    }),
    alert({
      alert: 'LibvirtUnreachable',
      severity: 'critical',
      component: 'virtune',
      for: '5m',
      thresholds: {},
      expr: () => `${metric('libvirt_up')} == 0`,
      summary: () => `libvirt on ${HOST} does not answer virtune.`,
      description: () =>
        'virtune runs, and VMs keep running, but they can be neither monitored nor managed. Check libvirtd; restarting it does not stop VMs.',
    }),
    alert({
      alert: 'HostSamplingSlow',
      severity: 'warning',
      component: 'virtune',
      for: '15m',
      thresholds: {
        seconds: {
          value: 5,
          unit: 'seconds',
          from: "our choice: half of Prometheus' default scrape timeout",
        },
      },
      expr: ({ seconds }) => `${metric('virtune_sample_duration_seconds')} > ${seconds}`,
      summary: () => `Sampling ${HOST} takes ${LASTING}.`,
      description: () =>
        'VMs will soon be reported late. Check for slow libvirt calls and hung VMs, and disable metric groups that you do not need.',
    }),
    alert({
      alert: 'ElasticsearchQueueDelayed',
      severity: 'warning',
      component: 'virtune',
      for: '10m',
      thresholds: {
        seconds: {
          value: 600,
          unit: 'seconds',
          from: 'our choice: longer than a restart of a search server',
        },
      },
      expr: ({ seconds }) => `${metric('virtune_elasticsearch_oldest_age_seconds')} > ${seconds}`,
      summary: () => `Documents on ${HOST} have waited ${LASTING} for the search server.`,
      description: () =>
        'No documents are lost while the disk queue has space. Check that the server is up and accepts documents, and how long the space lasts.',
    }),
    alert({
      alert: 'ElasticsearchDocumentsLost',
      severity: 'critical',
      component: 'virtune',
      for: '0s',
      thresholds: {},
      expr: (_, { range }) =>
        `sum by (job, instance) (increase(${metric('virtune_elasticsearch_dropped_total')}[${range('10m')}])) + sum by (job, instance) (increase(${metric('virtune_elasticsearch_dead_letters_total')}[${range('10m')}])) > 0`,
      summary: () => `${WHOLE} documents from ${HOST} were dropped before they reached the search server.`,
      description: () =>
        'The queue was full, documents were too old, or the server rejected them. Rejected documents and reasons are in dead-letters.ndjson.',
    }),
  ],
};
