import type { HealthMetric } from './metric.ts';

/**
 * Metrics of the Elasticsearch sink; present only where it is enabled. Each queued document is pending until it is
 * sent, a duplicate, a dead letter or dropped.
 */
export const elasticsearchMetrics = {
  up: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_up',
    help: '1 when the search server answered the last request with documents and every data stream accepts documents.',
    labels: [],
  },
  streamUp: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_stream_up',
    help: '1 when the data stream accepted a document of the last request that contained any for it.',
    labels: ['stream'],
  },
  streamOldestAge: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_stream_oldest_age_seconds',
    help: 'Age of the oldest document set aside because its data stream accepts none, in seconds; 0 when there is none.',
    labels: ['stream'],
  },
  queueBytes: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_queue_bytes',
    help: 'Size of the queue in bytes, on disk and, while the disk cannot be written, in memory.',
    labels: [],
  },
  queueMaxBytes: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_queue_max_bytes',
    help: 'Maximum size of the queue in bytes; beyond it the oldest documents are dropped.',
    labels: [],
  },
  queueDocuments: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_queue_documents',
    help: 'Documents in the queue.',
    labels: [],
  },
  oldestAge: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_oldest_age_seconds',
    help: 'Age of the oldest document in the queue, in seconds; 0 when it is empty.',
    labels: [],
  },
  lag: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_lag_seconds',
    help: 'Age difference between the newest sample and the newest document on the server, in seconds.',
    labels: [],
  },
  ticks: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_ticks_total',
    help: 'Samples for the server by outcome: ok, failed (the host could not be sampled), missed (the previous one took too long).',
    labels: ['outcome'],
  },
  queued: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_queued_total',
    help: 'Documents created for the server.',
    labels: [],
  },
  sent: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_sent_total',
    help: 'Documents that the server accepted.',
    labels: [],
  },
  duplicates: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_duplicates_total',
    help: 'Documents that the server already had, because a response was lost, another exporter sends the same host, or another host has the same host.id.',
    labels: [],
  },
  conflicts: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_conflicts_total',
    help: 'Duplicates that this exporter had not sent before: another exporter sends the same host, or another host has the same host.id.',
    labels: [],
  },
  retried: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_retried_total',
    help: 'Retries of documents.',
    labels: [],
  },
  dropped: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_dropped_total',
    help: 'Documents dropped before the server accepted them: queue_full, too_old, disk, damaged, unreadable, unsaved (rejected, and not saved as dead letters).',
    labels: ['reason'],
  },
  deadLetters: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_dead_letters_total',
    help: 'Documents that the server rejected permanently, kept on disk with the reason: virtune elasticsearch dead-letters.',
    labels: [],
  },
  requests: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_requests_total',
    help: 'Bulk requests by outcome: ok, partial (some documents not accepted), or the reason why it failed.',
    labels: ['outcome'],
  },
  requestDuration: {
    per: 'process',
    type: 'histogram',
    name: 'virtune_elasticsearch_request_duration_seconds',
    help: 'Latency of bulk requests, in seconds.',
    labels: [],
  },
} as const satisfies Record<string, HealthMetric>;
