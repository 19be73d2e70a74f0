/** A metric that the exporter counts by itself: it knows the values, and the catalogue the name. */
export interface ExporterMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Metrics of the exporter itself: scrapes served, calls made, configuration. */
export const exporterMetrics = {
  scrapes: {
    name: 'virtune_scrapes_total',
    type: 'counter',
    help: 'Scrapes by outcome: ok, failed (the host could not be sampled, or not within the scrape timeout).',
    labels: ['outcome'],
  },
  scrapeDuration: {
    name: 'virtune_scrape_duration_seconds',
    type: 'histogram',
    help: 'Scrape duration, in seconds.',
    labels: [],
  },
  calls: {
    name: 'virtune_libvirt_calls_total',
    type: 'counter',
    help: 'Calls to libvirt by procedure and outcome: ok, or the error code.',
    labels: ['procedure', 'outcome'],
  },
  callDuration: {
    name: 'virtune_libvirt_call_duration_seconds',
    type: 'histogram',
    help: 'Latency of calls to libvirt, in seconds.',
    labels: ['procedure'],
  },
  build: {
    name: 'virtune_build_info',
    type: 'info',
    help: 'Version of virtune.',
    labels: ['version'],
  },
  configLoaded: {
    name: 'virtune_config_last_reload_successful',
    type: 'gauge',
    help: '1 when the last reload of the configuration succeeded.',
    labels: [],
  },
  configLoadedAt: {
    name: 'virtune_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    help: 'Time of the last successful configuration reload, in seconds since 1970.',
    labels: [],
  },
} as const satisfies Record<string, ExporterMetric>;
