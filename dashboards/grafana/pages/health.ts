import { limitsOf } from '../limits.ts';
import { rowToVm, seriesToHost } from '../links.ts';
import { type Page, page } from '../page.ts';
import { figure, graph, stack } from '../panels.ts';
import { of, rateOf } from '../query.ts';
import { rows } from '../table.ts';
import { shippingRow } from './shipping.ts';

/** Rate, errors, duration: of scrapes, and of the calls to libvirt below them. */
export function healthPage(): Page {
  return page({
    name: 'health',
    title: 'virtune: its own health',
    help: 'Whether the figures on the other pages can be trusted: scrapes, calls to libvirt, VMs that do not answer, and what it costs.',
    rows: [
      { title: 'At a glance', panels: [up(), versions(), reconnects(), stuck(), silentVms(), blindVms()] },
      { title: 'Scrapes', panels: [scrapes(), sampleDuration(), scrapeDuration(), series()] },
      { title: 'Calls to libvirt', panels: [calls(), callErrors(), callDuration(), callTimeShare()] },
      { title: 'VMs', panels: [outcomes(), ages(), missing()] },
      { title: 'The process', panels: [cpu(), memory(), lag()] },
      shippingRow(),
    ],
  });
}

const up = () =>
  figure({
    title: 'libvirt answers',
    help: 'Share of hosts whose libvirt answered the last scrape.',
    unit: 'percentunit',
    queries: [{ expr: `avg(${of('libvirt_up')})` }],
    span: 4,
  });

const versions = () =>
  figure({
    title: 'Versions of virtune',
    help: 'Different versions that run; more than one only while a rollout is under way.',
    unit: 'none',
    queries: [{ expr: `count(count by (version) (${of('virtune_build_info')}))` }],
    span: 4,
  });

const reconnects = () =>
  figure({
    title: 'Reconnects in an hour',
    help: 'Times that a connection to libvirt was opened again within the last hour.',
    unit: 'short',
    queries: [{ expr: `sum(increase(${of('virtune_connection_reconnects_total')}[1h]))` }],
    span: 4,
  });

const stuck = () =>
  figure({
    title: 'Stuck calls',
    help: 'Calls past their deadline that libvirt still works on.',
    unit: 'none',
    queries: [{ expr: `sum(${of('virtune_stuck_calls')})` }],
    span: 4,
  });

const silentVms = () =>
  figure({
    title: 'VMs not answering',
    help: 'VMs whose call has not come back.',
    unit: 'none',
    queries: [{ expr: `count(${of('virtune_domain_unresponsive_since_timestamp_seconds')})` }],
    nothing: 'none',
    span: 4,
  });

const blindVms = () =>
  figure({
    title: 'VMs without guest memory',
    help: 'VMs, not shut off, whose balloon reports nothing: no stats period, no driver, or no balloon.',
    unit: 'none',
    queries: [
      {
        expr: `count(${of('virtune_domain_missing', 'group="balloon"', 'reason!~"not_running|unresponsive|late"')})`,
      },
    ],
    nothing: 'none',
    span: 4,
  });

const scrapes = () =>
  stack({
    title: 'Scrapes',
    help: 'Scrapes answered a second, by whether the host could be asked.',
    unit: 'ops',
    queries: [{ expr: `sum by (outcome) (${rateOf('virtune_scrapes_total')})`, legend: '{{outcome}}' }],
  });

const sampleDuration = () =>
  graph({
    title: 'Time to ask a host',
    help: 'How long it takes to ask a host and all its VMs; the ten slowest.',
    unit: 's',
    queries: [{ expr: `topk(10, ${of('virtune_sample_duration_seconds')})`, legend: '{{instance}}' }],
    limits: limitsOf('green', ['orange', 'StatsSlow', 'seconds']),
    links: [seriesToHost()],
  });

const scrapeDuration = () =>
  graph({
    title: 'Time of a scrape',
    help: 'Median and 99th percentile over all hosts, from request to text, by virtune; and the slowest as Prometheus sees it.',
    unit: 's',
    queries: [
      ...[0.5, 0.99].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (le) (${rateOf('virtune_scrape_duration_seconds_bucket')}))`,
        legend: `${quantile * 100} %`,
      })),
      {
        expr: `max(${of('scrape_duration_seconds')} and on (job, instance) ${of('virtune_connections')})`,
        legend: 'slowest by Prometheus',
      },
    ],
  });

const series = () =>
  graph({
    title: 'Series by host',
    help: 'Samples that each scrape brings; the ten hosts with most. Doubled suddenly: a group was switched on.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, ${of('scrape_samples_scraped')} and on (job, instance) ${of('virtune_connections')})`,
        legend: '{{instance}}',
      },
    ],
    links: [seriesToHost()],
  });

const calls = () =>
  stack({
    title: 'Calls by procedure',
    help: 'Calls to libvirt a second.',
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
    title: 'Calls that failed',
    help: 'Calls a second that ended in an error, by its code. VIRTUNE_TIMEOUT: libvirt did not answer in time.',
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
    title: 'Time of a call',
    help: '99th percentile by procedure, over all hosts; the ten slowest procedures.',
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
    title: 'Where the time goes',
    help: 'Seconds of waiting for libvirt in each second, by procedure: what to leave out when asking takes too long.',
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
    title: 'How asking VMs ended',
    help: 'VMs by how asking them ended: fresh, late (no time left), unresponsive (no answer), error.',
    unit: 'short',
    queries: [{ expr: `count by (outcome) (${of('virtune_domain_outcome')})`, legend: '{{outcome}}' }],
    span: 8,
  });

const ages = () =>
  graph({
    title: 'Oldest figures',
    help: 'Age of the newest figures of the ten VMs whose figures are oldest.',
    unit: 's',
    queries: [
      {
        expr: `topk(10, ${of('virtune_domain_sample_age_seconds')})`,
        legend: '{{domain}} {{instance}}',
      },
    ],
    span: 8,
  });

const missing = () =>
  rows({
    title: 'What is missing, and why',
    help: 'VMs of which a group tells nothing, with the reason. Shut-off VMs are left out.',
    labels: ['domain', 'instance', 'group', 'reason'],
    columns: [
      { title: 'missing', expr: of('virtune_domain_missing', 'reason!="not_running"'), unit: 'none' },
    ],
    links: { domain: rowToVm() },
    span: 8,
    height: 8,
  });

const cpu = () =>
  graph({
    title: 'CPU of virtune',
    help: 'CPUs that the exporter uses; the ten that use most.',
    unit: 'short',
    queries: [
      {
        expr: `topk(10, ${rateOf('process_cpu_seconds_total')} and on (job, instance) ${of('virtune_connections')})`,
        legend: '{{instance}}',
      },
    ],
    span: 8,
  });

const memory = () =>
  graph({
    title: 'Memory of virtune',
    help: 'Resident memory of the exporter; the ten largest.',
    unit: 'bytes',
    queries: [
      {
        expr: `topk(10, ${of('process_resident_memory_bytes')} and on (job, instance) ${of('virtune_connections')})`,
        legend: '{{instance}}',
      },
    ],
    span: 8,
  });

const lag = () =>
  graph({
    title: 'Lag of the event loop',
    help: '99th percentile of how late timers were: above some 100 ms, deadlines and keepalives are not kept.',
    unit: 's',
    queries: [{ expr: `topk(10, ${of('nodejs_eventloop_lag_p99_seconds')})`, legend: '{{instance}}' }],
    span: 8,
  });
