import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { alertmanagerExample } from '../../dashboards/alertmanager.ts';
import { alertGroups } from '../../dashboards/rules/alerts/all.ts';
import { buildAlertRules } from '../../dashboards/rules/build.ts';
import { BUILT } from './built.ts';
import { isMatched } from './promql.ts';

const FILE = join(BUILT, 'alertmanager/alertmanager.yml');
const rules = alertGroups.flatMap(({ alerts }) => alerts);
const built = buildAlertRules()
  .groups.flatMap((group) => group.rules)
  .filter((rule) => 'alert' in rule);
const absent = spawnSync('amtool', ['--version']).status !== 0;
if (absent)
  console.warn('amtool is not installed, so routes are not tried: apt-get install prometheus-alertmanager');

/** The receiver that Alertmanager itself chooses for labels. */
function receiverOf(labels: Readonly<Record<string, string>>): string {
  const given = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const said = spawnSync('amtool', ['config', 'routes', 'test', `--config.file=${FILE}`, ...given], {
    encoding: 'utf8',
  });
  if (said.status !== 0) throw new Error(said.stderr);
  return said.stdout.trim();
}

test.skipIf(absent).each([
  ['critical', 'pager'],
  ['warning', 'chat'],
  ['info', 'tickets'],
])('an alert that is %s goes to the %s', (severity, receiver) => {
  expect(receiverOf({ alertname: 'HostMemoryStalled', severity })).toBe(receiver);
  expect(receiverOf({ alertname: 'ThinPoolOvercommit', severity, storage_pool: 'nfs' })).toBe(receiver);
  for (const alertname of ['ExporterDown', 'HostDisksHung', 'OtlpPointsLost'])
    expect(receiverOf({ alertname, severity })).toBe(receiver);
});

test.skipIf(absent)('the watchdog goes to its receiver alone', () => {
  expect(receiverOf({ alertname: 'VirtuneWatchdog', severity: 'none' })).toBe('watchdog');
});

test('every receiver that a route names exists, and every alert that is named too', () => {
  const text = readFileSync(FILE, 'utf8');
  const { receivers } = parse(text) as { receivers: { name: string }[] };
  const named = [...text.matchAll(/receiver: (\w+)/g)].map(([, name]) => name);
  expect(new Set(named)).toEqual(new Set(receivers.map(({ name }) => name)));
  const alerts = [...text.matchAll(/alertname=~?"([\w|]+)"/g)].flatMap(([, names = '']) => names.split('|'));
  expect(alerts.length).toBeGreaterThan(5);
  expect(alerts.filter((name) => !rules.some(({ alert }) => alert === name))).toEqual([]);
});

/** Labels as Alertmanager receives them, and the checks of this configuration on them. */
type Labels = Readonly<Record<string, string>>;
const areMatched = (labels: Labels, matchers: readonly string[]): boolean =>
  matchers.every((matcher) => {
    const [, label = '', op = '', value = ''] = /^(\w+)(=~?)"(.*)"$/.exec(matcher) ?? [];
    return isMatched(labels[label] ?? '', { op, value });
  });
const inhibits = (source: Labels, target: Labels): boolean =>
  alertmanagerExample.inhibit_rules.some((rule) => {
    const equal: readonly string[] = 'equal' in rule ? rule.equal : [];
    return (
      areMatched(source, rule.source_matchers) &&
      areMatched(target, rule.target_matchers) &&
      equal.every((label) => (source[label] ?? '') === (target[label] ?? ''))
    );
  });
const alertOf = (name: string, more: Labels = {}): Labels => {
  const rule = built.find(({ alert }) => alert === name);
  if (rule === undefined) throw new Error(`no alert ${name}`);
  return { alertname: name, cluster: 'a', job: 'virtune', instance: 'kvm1', ...rule.labels, ...more };
};

test.each([
  ['HostMemoryStalled', 'HostMemoryPressure'],
  ['HostMemoryOvercommitCritical', 'HostMemoryOvercommitHigh'],
  ['HostMemoryOvercommitCritical', 'HostMemoryHeadroomLow'],
  ['HostSwappingIn', 'HostSwapAlmostFull'],
  ['HostSwappingIn', 'KsmDependence'],
  ['HostOomKill', 'HostCgroupOomKill'],
  ['HostDisksHung', 'HostIoStalled'],
  ['HostDisksSlow', 'DiskLatencyHigh'],
  ['LibvirtUnreachable', 'HostSamplingSlow'],
  ['ElasticsearchDocumentsLost', 'ElasticsearchQueueDelayed'],
  ['ExporterAbsent', 'HostDisappeared'],
])('%s stands for %s of the same host, and not of another', (source, target) => {
  const vm = { domain: 'db', target_device: 'vda' };
  const about = ['DiskLatencyHigh'].includes(target) ? vm : {};
  expect(inhibits(alertOf(source), alertOf(target, about))).toBe(true);
  const elsewhere = alertOf(target, { ...about, cluster: 'b' });
  expect(inhibits(alertOf(source), elsewhere)).toBe(source === 'ExporterAbsent');
});

test('an alert of a VM does not inhibit those of another VM or of the host', () => {
  const db = alertOf('DomainCpuStealCritical', { domain: 'db' });
  expect(inhibits(db, alertOf('DomainCpuStealHigh', { domain: 'db' }))).toBe(true);
  expect(inhibits(db, alertOf('DomainCpuStealHigh', { domain: 'web' }))).toBe(false);
  expect(inhibits(db, alertOf('HostCpuContentionHigh'))).toBe(false);
  expect(inhibits(alertOf('HostMemoryStalled'), alertOf('GuestMemoryStarved', { domain: 'db' }))).toBe(false);
});

test('an alert of a pool or a NUMA cell that a site has made critical does not inhibit those of another', () => {
  const critical = { severity: 'critical' };
  const full = alertOf('ThinPoolOvercommit', { ...critical, storage_pool: 'db' });
  expect(inhibits(full, alertOf('ThinPoolOvercommit', { storage_pool: 'db' }))).toBe(true);
  expect(inhibits(full, alertOf('ThinPoolOvercommit', { storage_pool: 'scratch' }))).toBe(false);
  expect(inhibits(full, alertOf('HostIoStalled'))).toBe(false);
  const cell = alertOf('NumaNodeFull', { ...critical, cell: '0' });
  expect(inhibits(cell, alertOf('HugepagesExhausted', { cell: '1', size: '2048KiB' }))).toBe(false);
});

test('no alert that is critical, or that a site has made critical, is inhibited but the one without a target', () => {
  const names = rules.map(({ alert }) => alert);
  const inhibited = names.filter((target) =>
    names.some(
      (source) => source !== target && inhibits(alertOf(source), alertOf(target, { severity: 'critical' })),
    ),
  );
  // Prometheus has no target at all: otherwise each host would page for the same.
  expect(inhibited).toEqual(['HostDisappeared']);
  expect(inhibits(alertOf('ExporterAbsent', { severity: 'info' }), alertOf('HostDisappeared'))).toBe(false);
});

test('what is lost on one way does not hide a fault of virtune itself, nor one on another way', () => {
  const lost = ['ElasticsearchDocumentsLost', 'OtlpPointsLost', 'LibvirtUnreachable'];
  const other = ['ExporterClockSkew', 'ExporterConfigInvalid', 'OutputDocumentsDropped'];
  for (const source of lost)
    for (const target of other)
      expect(inhibits(alertOf(source), alertOf(target)), `${source}, ${target}`).toBe(false);
  expect(inhibits(alertOf('ElasticsearchDocumentsLost'), alertOf('OtlpQueueDelayed'))).toBe(false);
  expect(inhibits(alertOf('OtlpPointsLost'), alertOf('HostSamplingSlow'))).toBe(false);
});

interface Route {
  readonly matchers?: readonly string[];
  readonly group_by?: readonly string[];
  readonly routes?: readonly Route[];
}

/** An alert's group by the first route that matches; routes inherit grouping labels from their parent. */
function groupOf(
  labels: Labels,
  route: Route = alertmanagerExample.route,
  above: readonly string[] = [],
): string {
  const { group_by: by = above, routes = [] } = route;
  const next = routes.find(({ matchers = [] }) => areMatched(labels, matchers));
  if (next !== undefined) return groupOf(labels, next, by);
  return by.map((label) => `${label}=${labels[label] ?? ''}`).join();
}

test('notifications are grouped by host and component, so that many VMs of a host are one', () => {
  for (const name of ['DomainCpuStealCritical', 'DomainCpuStealHigh', 'GuestBallooned']) {
    const groups = ['db', 'web'].map((domain) => groupOf(alertOf(name, { domain })));
    expect(new Set(groups).size, name).toBe(1);
    expect(groupOf(alertOf(name, { domain: 'db', instance: 'kvm2' })), name).not.toBe(groups[0]);
  }
});

/** The number of groups for three alerts that differ in this label. */
const groups = (name: string, label: string, more: Labels = {}): number =>
  new Set(['a', 'b', 'c'].map((value) => groupOf(alertOf(name, { ...more, [label]: value })))).size;

test.each([
  ['a network, a certificate or a rollout that is broken', 'ExporterDown', 'LibvirtUnreachable'],
  ['hosts that are gone', 'HostDisappeared'],
  ['a configuration that is broken', 'ExporterConfigInvalid'],
  ['storage that hangs', 'HostDisksHung'],
  ['storage that is slow', 'HostDisksSlow', 'HostIoStalled'],
  ['storage that is full or fails', 'DomainPausedByIoError', 'DiskErrors'],
  ['a search server that is down', 'ElasticsearchQueueDelayed', 'ElasticsearchDocumentsLost'],
  ['an OTLP receiver that is down', 'OtlpQueueDelayed', 'OtlpPointsLost'],
])('%s is one notification, on however many hosts of a cluster it shows', (_, ...names) => {
  for (const name of names) {
    for (const severity of ['critical', 'warning', 'info'])
      expect(groups(name, 'instance', { severity }), `${name}, ${severity}`).toBe(1);
    expect(groups(name, 'cluster'), name).toBe(3);
  }
  expect(new Set(names.map((name) => groupOf(alertOf(name)))).size).toBe(names.length);
});

test('a host that stalls, or whose VMs are paused for another reason than storage, is one notification for each host', () => {
  for (const name of ['HostMemoryStalled', 'HostCpuSaturated', 'DomainPaused', 'OutputDocumentsDropped'])
    expect(groups(name, 'instance'), name).toBe(3);
});
