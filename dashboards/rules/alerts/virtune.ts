import { ON_HOST } from '../../promql.ts';
import type { Value } from '../reference.ts';
import { type AlertContext, type AlertGroup, alert, type Threshold } from '../rule.ts';
import { HOST, LASTING } from '../text.ts';

const LOST: Threshold = {
  value: 0.5,
  unit: 'share',
  from: 'our choice: if most scrapes of 15 minutes are lost, no other alert stays true for long enough',
};

/**
 * Matches a target that is 0, or that was 0 most of the time and recently again: each failed scrape ends the host's
 * series, and restarts the `for` of other alerts.
 */
const mostlyDown = (series: string, lost: Value, { range }: AlertContext): string =>
  `${series} == 0 or (1 - avg_over_time(${series}[${range('15m')}]) > ${lost} and min_over_time(${series}[${range('3m')}]) == 0)`;
/** For the text: the value is 0 while the last scrape failed. */
const MOSTLY = '{{ if gt $value 0.0 }} most of the time{{ end }}';

export const virtuneAlerts: AlertGroup = {
  name: 'virtune',
  help: 'virtune itself. Without it no other alert fires.',
  alerts: [
    alert({
      alert: 'ExporterDown',
      severity: 'critical',
      subject: 'host',
      component: 'virtune',
      for: '5m',
      thresholds: { lost: LOST },
      expr: ({ lost }, context) => mostlyDown(context.metric('up'), lost, context),
      summary: () => `Prometheus cannot scrape virtune at ${HOST}${MOSTLY}.`,
      description: () =>
        'No other alert works for this host and its VMs until this is fixed. Check that the host is up, the exporter runs and its port is open.',
    }),
    alert({
      alert: 'HostDisappeared',
      severity: 'warning',
      subject: 'host',
      component: 'virtune',
      for: '10m',
      thresholds: {},
      expr: (_, { range, metric }) =>
        `(${metric('up')} offset ${range('1h')} or ${metric('up')} offset ${range('1d')}) unless ${ON_HOST} ${metric('up')}`,
      summary: () => `Prometheus scraped ${HOST} a day or an hour ago, but it is no longer a target.`,
      description: () =>
        'No alert works for this host and its VMs. Service discovery has lost it, or its labels changed. If it was removed on purpose, put it in maintenance first; this alert ends after a day.',
    }),
    alert({
      alert: 'ExporterAbsent',
      severity: 'critical',
      subject: 'monitoring',
      component: 'virtune',
      for: '10m',
      thresholds: {},
      // With federation or an agent, `up` may have been dropped on the way.
      expr: (_, { metric }) =>
        `absent(${metric('up')}) and on () absent(${metric('libvirt_host_memory_overcommit_ratio', 'kind="maximum"')})`,
      summary: () => 'Prometheus has no virtune target.',
      description: () =>
        'None of the other alerts can fire. Service discovery is empty, or the job has another name than the rules expect: build them with --job.',
    }),
    alert({
      alert: 'LibvirtUnreachable',
      severity: 'critical',
      subject: 'host',
      component: 'libvirt',
      for: '5m',
      thresholds: { lost: LOST },
      expr: ({ lost }, context) => mostlyDown(context.metric('libvirt_up'), lost, context),
      summary: () => `libvirt on ${HOST} does not answer virtune${MOSTLY}.`,
      description: () =>
        'virtune runs, and VMs keep running, but they can be neither monitored nor managed. Check libvirtd; restarting it does not stop VMs.',
    }),
    alert({
      alert: 'ExporterConfigInvalid',
      severity: 'warning',
      subject: 'host',
      component: 'virtune',
      for: '5m',
      thresholds: {},
      expr: (_, { metric }) => `${metric('virtune_config_last_reload_successful')} == 0`,
      summary: () => `virtune on ${HOST} could not reload its configuration.`,
      description: () =>
        'It runs with the previous one, and a restart would fail. Its log names the file and the key that is wrong.',
    }),
    alert({
      alert: 'ExporterClockSkew',
      severity: 'warning',
      subject: 'host',
      component: 'virtune',
      for: '10m',
      thresholds: {
        seconds: {
          value: 30,
          unit: 'seconds',
          from: 'our choice: longer than a scrape may take, shorter than alerts on ages tolerate',
        },
      },
      expr: ({ seconds }, { metric }) => {
        const taken = metric('virtune_sample_timestamp_seconds');
        return `abs(${taken} - timestamp(${taken})) > ${seconds}`;
      },
      summary: () => `The clocks of virtune on ${HOST} and of Prometheus differ by ${LASTING}.`,
      description: () =>
        'Ages in alerts and dashboards are wrong by as much, and logs do not line up. Check NTP on both machines.',
    }),
    alert({
      alert: 'VirtuneWatchdog',
      severity: 'none',
      subject: 'monitoring',
      for: '0s',
      thresholds: {},
      expr: () => 'vector(1)',
      summary: () => 'The rules of virtune are evaluated and notifications are sent.',
      description: () =>
        'Always fires. Route it to a service that notifies you when it stops: then Prometheus, its rules, Alertmanager or the path between them is broken.',
    }),
    alert({
      alert: 'HostSamplingSlow',
      severity: 'warning',
      subject: 'host',
      component: 'libvirt',
      for: '15m',
      thresholds: {
        seconds: {
          value: 5,
          unit: 'seconds',
          from: "our choice: half of Prometheus' default scrape timeout",
        },
      },
      expr: ({ seconds }, { metric }) => `${metric('virtune_sample_duration_seconds')} > ${seconds}`,
      summary: () => `Sampling ${HOST} takes ${LASTING}.`,
      description: () =>
        'VMs will soon be reported late. Check for slow libvirt calls and hung VMs, and disable metric groups that you do not need.',
    }),
  ],
};
