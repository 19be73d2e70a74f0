import type { SeriesName } from '../../../model/catalogue/names.ts';
import { HOST_LABELS } from '../../promql.ts';
import { type AlertContext, type AlertGroup, type AlertRule, alert, type Component } from '../rule.ts';
import { HOST, LASTING, WHOLE } from '../text.ts';

/** Losses of a host within the last ten minutes, summed over these counters. */
function lost({ range, metric }: AlertContext, ...counters: readonly SeriesName[]): string {
  const increases = counters.map(
    (name) => `sum by (${HOST_LABELS}) (increase(${metric(name)}[${range('10m')}]))`,
  );
  return `${increases.join(' + ')} > 0`;
}

/** Fires while the oldest item in a disk queue is older than any restart of the destination server takes. */
const queueDelayed = (
  name: string,
  {
    component,
    oldestAge,
    what,
    server,
  }: { component: Component; oldestAge: SeriesName; what: string; server: string },
): AlertRule =>
  alert({
    alert: name,
    severity: 'warning',
    subject: 'host',
    component,
    for: '10m',
    thresholds: {
      seconds: { value: 600, unit: 'seconds', from: `our choice: longer than a restart of the ${server}` },
    },
    expr: ({ seconds }, { metric }) => `${metric(oldestAge)} > ${seconds}`,
    summary: () =>
      `${what[0]?.toUpperCase()}${what.slice(1)} on ${HOST} have waited ${LASTING} for the ${server}.`,
    description: () =>
      `No ${what} are lost while the disk queue has space. Check that the ${server} is up and accepts ${what}, and how long the space lasts.`,
  });

export const shippingAlerts: AlertGroup = {
  name: 'shipping',
  help: 'Documents and data points on their way to Elasticsearch, to a file or pipe, and to an OTLP receiver.',
  alerts: [
    queueDelayed('ElasticsearchQueueDelayed', {
      component: 'virtune-elasticsearch',
      oldestAge: 'virtune_elasticsearch_oldest_age_seconds',
      what: 'documents',
      server: 'search server',
    }),
    alert({
      alert: 'ElasticsearchDocumentsLost',
      severity: 'critical',
      subject: 'host',
      component: 'virtune-elasticsearch',
      for: '0s',
      thresholds: {},
      expr: (_, context) =>
        lost(context, 'virtune_elasticsearch_dropped_total', 'virtune_elasticsearch_dead_letters_total'),
      summary: () => `${WHOLE} documents from ${HOST} were dropped, or rejected by the search server.`,
      description: () =>
        'The queue was full, documents were too old, or the server rejected them. List rejected documents and reasons with virtune elasticsearch dead-letters list.',
    }),
    alert({
      alert: 'OutputDocumentsDropped',
      severity: 'warning',
      subject: 'host',
      component: 'virtune-output',
      for: '0s',
      thresholds: {},
      expr: (_, context) => lost(context, 'virtune_output_dropped_total'),
      summary: () => `${WHOLE} documents from ${HOST} could not be written to the output of virtune.`,
      description: () =>
        'Readers of the output have a gap. Its disk is full, or its reader is too slow: the log of virtune has the reason and what to do.',
    }),
    queueDelayed('OtlpQueueDelayed', {
      component: 'virtune-otlp',
      oldestAge: 'virtune_otlp_oldest_age_seconds',
      what: 'data points',
      server: 'OTLP receiver',
    }),
    alert({
      alert: 'OtlpPointsLost',
      severity: 'critical',
      subject: 'host',
      component: 'virtune-otlp',
      for: '0s',
      thresholds: {},
      expr: (_, context) =>
        lost(
          context,
          'virtune_otlp_dropped_total',
          'virtune_otlp_dead_letters_total',
          'virtune_otlp_rejected_total',
        ),
      summary: () => `${WHOLE} data points from ${HOST} were dropped, or rejected by the OTLP receiver.`,
      description: () =>
        'The queue was full, data points were too old, or the receiver rejected them. The log of virtune has the reason of the receiver.',
    }),
  ],
};
