/** A metric of another program that dashboards show beside virtune's. */
export interface NeighbourMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'info';
  readonly help: string;
  readonly labels: readonly string[];
  readonly from: string;
}

const PROCESS = 'the exporter’s process';

/** What dashboards and rules may name besides the exporter's catalogue. */
export const neighbourMetrics = [
  {
    name: 'up',
    type: 'gauge',
    help: '1 when Prometheus could scrape the target.',
    labels: [],
    from: 'Prometheus',
  },
  {
    name: 'scrape_duration_seconds',
    type: 'gauge',
    help: 'Scrape duration, in seconds.',
    labels: [],
    from: 'Prometheus',
  },
  {
    name: 'scrape_samples_scraped',
    type: 'gauge',
    help: 'Samples in the scrape.',
    labels: [],
    from: 'Prometheus',
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of the process, in seconds.',
    labels: [],
    from: PROCESS,
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the process, in bytes.',
    labels: [],
    from: PROCESS,
  },
  {
    name: 'nodejs_eventloop_lag_p99_seconds',
    type: 'gauge',
    help: '99th percentile of how late timers fire while scrapes are answered, in seconds.',
    labels: [],
    from: PROCESS,
  },
] as const satisfies readonly NeighbourMetric[];
