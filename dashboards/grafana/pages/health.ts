import { GUEST_DOES_NOT_REPORT } from '../../../model/missing.ts';
import { ON_HOST } from '../../promql.ts';
import { LEGEND } from '../legends.ts';
import { limitsOf } from '../limits.ts';
import { rowToVm, seriesToHost } from '../links.ts';
import { type Page, page } from '../page.ts';
import { figure, graph, stack } from '../panels.ts';
import { of, rateOf } from '../query.ts';
import { rows } from '../table.ts';
import { shippingRow } from './shipping.ts';

/** Rate, errors and duration of scrapes and of the underlying libvirt calls. */
export function healthPage(): Page {
  return page({
    name: 'health',
    title: 'virtune health',
    scope: 'host',
    help: 'Health of virtune on the selected hosts: scrapes, libvirt calls, unresponsive VMs, and the resources that virtune uses.',
    rows: [
      { title: 'Overview', panels: [up(), reconnects(), stuck(), silentVms(), blindVms()] },
      { title: 'Scrapes', panels: [scrapes(), sampleDuration(), scrapeDuration(), series()] },
      { title: 'libvirt calls', panels: [calls(), callErrors(), callDuration(), callTimeShare()] },
      { title: 'VMs', panels: [outcomes(), ages(), missing()] },
      { title: 'Process', panels: [cpu(), memory(), lag()] },
      shippingRow(),
    ],
  });
}

const up = () =>
  figure({
    title: 'libvirt up',
    help: 'Share of the selected hosts whose libvirt answered the last scrape.',
    unit: 'percentunit',
    queries: [{ expr: `avg(${of('libvirt_up')})` }],
    span: 4,
  });

const reconnects = () =>
  figure({
    title: 'Reconnects (1 h)',
    help: 'Reconnects to libvirt within the last hour.',
    unit: 'short',
    queries: [{ expr: `sum(increase(${of('virtune_connection_reconnects_total')}[1h]))` }],
    span: 5,
  });

const stuck = () =>
  figure({
    title: 'Stuck calls',
    help: 'Calls past their deadline that libvirt has not answered yet.',
    unit: 'none',
    queries: [{ expr: `sum(${of('virtune_stuck_calls')})` }],
    span: 5,
  });

const silentVms = () =>
  figure({
    title: 'Unresponsive VMs',
    help: 'VMs whose QEMU does not answer libvirt.',
    unit: 'none',
    queries: [{ expr: `count(${of('virtune_domain_unresponsive_since_timestamp_seconds')})` }],
    nothing: 'none',
    span: 5,
  });

const blindVms = () =>
  figure({
    title: 'VMs without memory statistics',
    help: 'VMs whose guest does not report its memory: no stats period, no balloon device, or no reporting driver in the guest. VMs that are paused or could not be queried do not count.',
    unit: 'none',
    queries: [
      {
        expr: `count(${of('virtune_domain_missing', 'group="balloon"', `reason=~"${GUEST_DOES_NOT_REPORT.join('|')}"`)})`,
      },
    ],
    nothing: 'none',
    span: 5,
  });

const scrapes = () =>
  stack({
    title: 'Scrapes',
    help: 'Scrapes per second, by outcome.',
    unit: 'ops',
    queries: [{ expr: `sum by (outcome) (${rateOf('virtune_scrapes_total')})`, legend: '{{outcome}}' }],
  });

const sampleDuration = () =>
  graph({
    title: 'Sample duration',
    help: 'Time to sample a host and all its VMs. The ten slowest hosts.',
    unit: 's',
    queries: [{ expr: `topk(10, ${of('virtune_sample_duration_seconds')})`, legend: LEGEND.host }],
    limits: limitsOf('green', ['orange', 'HostSamplingSlow', 'seconds']),
    links: [seriesToHost()],
  });

const scrapeDuration = () =>
  graph({
    title: 'Scrape duration',
    help: 'Median and 99th percentile over the selected hosts as measured by virtune, and the slowest scrape as measured by Prometheus.',
    unit: 's',
    queries: [
      ...[0.5, 0.99].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (le) (${rateOf('virtune_scrape_duration_seconds_bucket')}))`,
        legend: `p${quantile * 100}`,
      })),
      {
        expr: `max(${of('scrape_duration_seconds')} and ${ON_HOST} ${of('virtune_connections')})`,
        legend: 'slowest (Prometheus)',
      },
    ],
  });

const series = () =>
  graph({
    title: 'Series by host',
    help: 'Samples per scrape. The ten hosts with the most. A sudden jump means that a metric group was enabled.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, ${of('scrape_samples_scraped')} and ${ON_HOST} ${of('virtune_connections')})`,
        legend: LEGEND.host,
      },
    ],
    links: [seriesToHost()],
  });

const calls = () =>
  stack({
    title: 'Call rate by procedure',
    help: 'Calls to libvirt per second.',
    unit: 'ops',
    queries: [
      {
        expr: `topk(10, sum by (procedure) (${rateOf('virtune_libvirt_calls_total')}))`,
        legend: '{{procedure}}',
      },
    ],
  });

const callErrors = () =>
  graph({
    title: 'Failed calls',
    help: 'Calls per second that ended in an error, by error code. VIRTUNE_TIMEOUT: libvirt did not answer in time.',
    unit: 'ops',
    queries: [
      {
        expr: `sum by (outcome, procedure) (${rateOf('virtune_libvirt_calls_total', 'outcome!="ok"')}) > 0`,
        legend: '{{outcome}} {{procedure}}',
      },
    ],
  });

const callDuration = () =>
  graph({
    title: 'Call latency (p99)',
    help: '99th percentile by procedure, over the selected hosts. The ten slowest procedures.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, histogram_quantile(0.99, sum by (le, procedure) (${rateOf('virtune_libvirt_call_duration_seconds_bucket')})))`,
        legend: '{{procedure}}',
      },
    ],
  });

const callTimeShare = () =>
  stack({
    title: 'Time spent in calls',
    help: 'Seconds per second spent waiting for libvirt, by procedure. Shows which metric groups to disable if sampling is too slow.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, sum by (procedure) (${rateOf('virtune_libvirt_call_duration_seconds_sum')}))`,
        legend: '{{procedure}}',
      },
    ],
  });

const outcomes = () =>
  stack({
    title: 'VM sampling outcomes',
    help: 'VMs by outcome: fresh, late (no time left), unresponsive (no answer), error.',
    unit: 'short',
    queries: [{ expr: `count by (outcome) (${of('virtune_domain_outcome')})`, legend: '{{outcome}}' }],
    span: 8,
  });

const ages = () =>
  graph({
    title: 'Stale samples',
    help: 'Age of the last sample. The ten VMs with the oldest samples.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, ${of('virtune_domain_sample_age_seconds')})`,
        legend: LEGEND.vm,
      },
    ],
    span: 8,
  });

const missing = () =>
  rows({
    title: 'Missing metrics',
    help: 'VMs for which a metric group has no data, with the reason. Shut-off VMs are not listed.',
    labels: ['domain', 'group', 'reason'],
    columns: [
      { title: 'missing', expr: of('virtune_domain_missing', 'reason!="not_running"'), unit: 'none' },
    ],
    links: { domain: rowToVm() },
    span: 8,
    height: 8,
  });

const cpu = () =>
  graph({
    title: 'CPU usage of virtune',
    help: 'CPUs used by the exporter. The ten highest.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, ${rateOf('process_cpu_seconds_total')} and ${ON_HOST} ${of('virtune_connections')})`,
        legend: LEGEND.host,
      },
    ],
    span: 8,
  });

const memory = () =>
  graph({
    title: 'Memory usage of virtune',
    help: 'Resident memory of the exporter. The ten highest.',
    unit: 'bytes',
    queries: [
      {
        expr: `topk(10, ${of('process_resident_memory_bytes')} and ${ON_HOST} ${of('virtune_connections')})`,
        legend: LEGEND.host,
      },
    ],
    span: 8,
  });

const lag = () =>
  graph({
    title: 'Event loop lag (p99)',
    help: '99th percentile of timer delay while scrapes are answered. Above about 100 ms, virtune misses deadlines and keepalives.',
    unit: 's',
    queries: [{ expr: `topk(10, ${of('nodejs_eventloop_lag_p99_seconds')})`, legend: LEGEND.host }],
    span: 8,
  });
