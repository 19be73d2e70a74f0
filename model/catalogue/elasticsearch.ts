import type { HealthMetric } from './metric.ts';

/**
 * What the Elasticsearch sink knows of itself: there only where it is on. Each document that was queued is sent, a
 * duplicate, a dead letter or dropped in the end, and waits until then.
 */
export const elasticsearchMetrics = {
  up: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_up',
    help: '1 when the search server took documents, or said why not, the last time it was asked.',
    labels: [],
  },
  queueBytes: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_queue_bytes',
    help: 'Bytes of the queue, on disk and, while the disk takes nothing, in memory.',
    labels: [],
  },
  queueMaxBytes: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_elasticsearch_queue_max_bytes',
    help: 'Bytes to which the queue may grow before its oldest documents are dropped.',
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
    help: 'How far the newest document that the server has is behind the newest sample, in seconds.',
    labels: [],
  },
  ticks: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_ticks_total',
    help: 'Samples for the server by outcome: ok, failed (the host could not be asked), missed (the one before took too long).',
    labels: ['outcome'],
  },
  queued: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_queued_total',
    help: 'Documents made for the server.',
    labels: [],
  },
  sent: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_sent_total',
    help: 'Documents that the server took.',
    labels: [],
  },
  duplicates: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_duplicates_total',
    help: 'Documents that the server had already, since an answer of its got lost.',
    labels: [],
  },
  retried: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_retried_total',
    help: 'Documents sent again, each time that they were.',
    labels: [],
  },
  dropped: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_dropped_total',
    help: 'Documents given up before the server took them: queue_full, too_old, disk, damaged.',
    labels: ['reason'],
  },
  deadLetters: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_dead_letters_total',
    help: 'Documents that the server will never take, written to dead-letters.ndjson with its reason.',
    labels: [],
  },
  requests: {
    per: 'process',
    type: 'counter',
    name: 'virtune_elasticsearch_requests_total',
    help: 'Bulk requests by outcome: ok, partial (some documents not taken), or why there was no verdict on any.',
    labels: ['outcome'],
  },
  requestDuration: {
    per: 'process',
    type: 'histogram',
    name: 'virtune_elasticsearch_request_duration_seconds',
    help: 'Time from a bulk request to its answer, in seconds.',
    labels: [],
  },
} as const satisfies Record<string, HealthMetric>;
