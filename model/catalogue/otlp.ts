import type { HealthMetric } from './metric.ts';

/**
 * Metrics of the OTLP sender; present only where it is enabled. Each queued data point is pending until it is sent,
 * rejected, a dead letter or dropped.
 */
export const otlpMetrics = {
  up: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_otlp_up',
    help: '1 when the OTLP receiver answered the last request and can accept data points.',
    labels: [],
  },
  queueBytes: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_otlp_queue_bytes',
    help: 'Size of the OTLP queue in bytes, on disk and, while the disk cannot be written, in memory.',
    labels: [],
  },
  queueMaxBytes: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_otlp_queue_max_bytes',
    help: 'Maximum size of the OTLP queue in bytes; beyond it the oldest data points are dropped.',
    labels: [],
  },
  queuePoints: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_otlp_queue_points',
    help: 'Data points in the OTLP queue.',
    labels: [],
  },
  oldestAge: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_otlp_oldest_age_seconds',
    help: 'Age of the oldest data point in the OTLP queue, in seconds; 0 when it is empty.',
    labels: [],
  },
  ticks: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_ticks_total',
    help: 'Samples for the OTLP receiver by outcome: ok, failed (the host could not be sampled), missed (the previous one took too long).',
    labels: ['outcome'],
  },
  queued: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_queued_total',
    help: 'Data points created for the OTLP receiver.',
    labels: [],
  },
  sent: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_sent_total',
    help: 'Data points that the OTLP receiver accepted.',
    labels: [],
  },
  rejected: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_rejected_total',
    help: 'Data points that the OTLP receiver rejected in otherwise accepted requests (partial success); they are not sent again.',
    labels: [],
  },
  retried: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_retried_total',
    help: 'Retries of data points.',
    labels: [],
  },
  dropped: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_dropped_total',
    help: 'Data points dropped before the OTLP receiver accepted them: queue_full, too_old, disk, damaged, unreadable, unsaved (rejected, and not saved as dead letters).',
    labels: ['reason'],
  },
  deadLetters: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_dead_letters_total',
    help: 'Data points of requests that the OTLP receiver rejected permanently, kept on disk with the reason.',
    labels: [],
  },
  requests: {
    per: 'process',
    type: 'counter',
    name: 'virtune_otlp_requests_total',
    help: 'OTLP requests by outcome: accepted, rejected, or the reason why they are sent again.',
    labels: ['outcome'],
  },
  requestDuration: {
    per: 'process',
    type: 'histogram',
    name: 'virtune_otlp_request_duration_seconds',
    help: 'Latency of OTLP requests, in seconds.',
    labels: [],
  },
} as const satisfies Record<string, HealthMetric>;
