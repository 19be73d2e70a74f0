import type { HealthMetric } from './metric.ts';

/** Metrics of `--output ndjson`; present only where it is enabled. */
export const outputMetrics = {
  documents: {
    per: 'process',
    type: 'counter',
    name: 'virtune_output_documents_total',
    help: 'Documents written to the output.',
    labels: [],
  },
  dropped: {
    per: 'process',
    type: 'counter',
    name: 'virtune_output_dropped_total',
    help: 'Documents dropped: buffer_full (the reader is too slow), failed (the output cannot be written).',
    labels: ['reason'],
  },
  buffered: {
    per: 'process',
    type: 'gauge',
    name: 'virtune_output_buffered_bytes',
    help: 'Documents that wait for the output, in bytes; at most 16 MiB.',
    labels: [],
  },
  ticks: {
    per: 'process',
    type: 'counter',
    name: 'virtune_output_ticks_total',
    help: 'Samples for the output by outcome: ok, failed (the host could not be sampled), missed (the previous one took too long).',
    labels: ['outcome'],
  },
} as const satisfies Record<string, HealthMetric>;
