import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RUNBOOK_URL } from '../../dashboards/rules/build.ts';
import { DomainState } from '../../libvirt/constants.ts';
import { SimulatedVm } from '../../simulator/vm.ts';
import { builtDashboards } from '../dashboards/built.ts';
import { filled, readRunbooks } from '../docs/runbooks.ts';
import { runVirtune } from '../virtune-process.ts';
import { until } from './lab/run.ts';
import { startAlertmanager } from './stack/alertmanager.ts';
import { EMPTY_NOW_AND_THEN, EMPTY_PANELS } from './stack/empty-panels.ts';
import type { HostCondition } from './stack/fake-proc.ts';
import { type Prometheus, startPrometheus } from './stack/prometheus.ts';
import { chosen, queriesOf } from './stack/queries.ts';
import { EMPTY_RUNBOOK_QUERIES, ofAlert, ofAny, runbookQueries } from './stack/runbook-queries.ts';
import { type WatchedHost, watchHost } from './stack/simulated-host.ts';
import { type SentAlert, startWebhook, type Webhook } from './stack/webhook.ts';

/** Compresses durations: 15m become 45 s. */
const FASTER = 20;
const LONGEST_FOR_SECONDS = 3_600 / FASTER;

const WELL: HostCondition = {
  pressure: {
    cpu: { some: 0.02, full: 0 },
    memory: { some: 0.001, full: 0 },
    io: { some: 0.01, full: 0.005 },
  },
  busy: 0.45,
  swapInPagesPerSecond: 0,
  memoryGiB: 256,
  availableGiB: 110,
};
const STALLING: HostCondition = {
  ...WELL,
  pressure: { ...WELL.pressure, memory: { some: 0.3, full: 0.12 } },
  swapInPagesPerSecond: 900,
  memoryGiB: 96,
  // Of the 32 GiB outside the pools of huge pages.
  availableGiB: 2,
};

/** The alerts that each host's scenario must raise, and no others; VM names where an alert is about a VM. */
const LIT: Readonly<Record<string, readonly string[]>> = {
  // Cluster of both calm hosts: their VMs on huge pages need more than the pools of one host.
  calm: ['FleetCannotTolerateHostLossHugepages'],
  'calm-too': [],
  overcommitted: [
    'DomainCpuStealCritical',
    'DomainCpuStealHigh',
    'HostCpuSaturated',
    'HostCpuContentionHigh',
  ],
  'noisy-neighbour': ['DomainCpuStealCritical', 'DomainCpuStealHigh', 'PinnedCpuShared'],
  'numa-split-database': ['PinnedCpuShared'],
  'io-storm': ['DiskLatencyHigh', 'HostDisksSlow'],
  'memory-pressure': [
    'GuestBallooned',
    'GuestMemoryStarved',
    'HostMemoryHeadroomLow',
    'HostMemoryOvercommitCritical',
    'HostMemoryOvercommitHigh',
    'HostMemoryPressure',
  ],
  mishaps: ['DiskErrors', 'DomainCrashed', 'DomainPausedByIoError', 'DomainUnresponsive'],
  'without-libvirt': ['LibvirtUnreachable'],
  gone: ['ExporterDown'],
};
/** May fire as well: the scenario's figure is near the threshold and crosses it from minute to minute. */
const NEAR_ITS_LIMIT: Readonly<Record<string, readonly string[]>> = {
  'noisy-neighbour': ['HostCpuContentionHigh'],
};

const SCENARIOS: Readonly<Record<string, readonly [scenario: string, condition?: HostCondition]>> = {
  calm: ['calm', WELL],
  'calm-too': ['calm'],
  overcommitted: ['overcommitted'],
  'noisy-neighbour': ['noisy-neighbour'],
  'numa-split-database': ['numa-split-database'],
  'io-storm': ['io-storm'],
  'memory-pressure': ['memory-pressure', STALLING],
  mishaps: ['calm'],
  'without-libvirt': ['calm'],
  gone: ['calm'],
};

const hosts = new Map<string, WatchedHost>();
let webhook: Webhook;
let prometheus: Prometheus;
let startedMs: number;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  for (const [name, [scenario, condition]] of Object.entries(SCENARIOS)) {
    const tuned = name === 'noisy-neighbour' ? [{ name: 'pg-orders', isDrifted: false }] : [];
    const host = await watchHost(name, scenario, FASTER, condition, tuned);
    hosts.set(name, host);
    closers.push(() => host.stop());
  }
  webhook = await startWebhook();
  closers.push(() => webhook.close());
  const alertmanager = await startAlertmanager(19_193, webhook.url);
  closers.push(() => alertmanager.stop());
  prometheus = await startPrometheus({
    port: 19_190,
    faster: FASTER,
    alertmanager: alertmanager.address,
    targets: [
      ...[...hosts.values()].map(({ name, target }) => ({
        job: 'virtune',
        address: target,
        // Each host is a separate cluster, except the calm ones.
        labels: { instance: name, cluster: name.startsWith('calm') ? 'calm' : name },
      })),
    ],
  });
  closers.push(() => prometheus.stop());
  startedMs = performance.now();
  await until('every host to be scraped', 30_000, async () => {
    return (await prometheus.query('libvirt_up == 1')).length === hosts.size;
  });
  mishap();
}, 120_000);

afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** One VM pauses on an I/O error, one crashes, one hangs; one libvirt and one exporter disappear. */
function mishap(): void {
  const daemon = hostNamed('mishaps').daemon;
  const paused = daemon.vm('web-01');
  paused.state = DomainState.paused;
  paused.reason = 5;
  daemon.emit('ioError', {
    domain: paused.domain,
    path: '/var/lib/libvirt/images/web-01-vda.qcow2',
    alias: 'virtio-disk0',
    action: 1,
  });
  const crashed = daemon.vm('web-02');
  crashed.state = DomainState.crashed;
  daemon.faults.hang(daemon.vm('web-03'));
  // Wider than its host, and stopped: it adds no load.
  const calm = hostNamed('calm-too').daemon;
  const stopped = { ...calm.vm('template-debian').spec, name: 'stopped-64', vcpus: 64 };
  calm.host.add(new SimulatedVm(stopped, calm.host, 99));
  void hostNamed('without-libvirt').daemon.stop();
  void hostNamed('gone').exporter.stop('SIGKILL');
}

function hostNamed(name: string): WatchedHost {
  const host = hosts.get(name);
  if (host === undefined) throw new Error(`no host ${name}`);
  return host;
}

/** Alerts that have fired since the start, by host. */
async function fired(): Promise<Record<string, string[]>> {
  const ever = await prometheus.query(
    'count by (alertname, instance, cluster) (last_over_time(ALERTS{alertstate="firing", alertname!="VirtuneWatchdog"}[1h]))',
  );
  const lit: Record<string, string[]> = {};
  for (const name of hosts.keys()) lit[name] = [];
  for (const { metric } of ever) {
    const where = metric['instance'] ?? metric['cluster'] ?? '';
    lit[where] = [...(lit[where] ?? []), metric['alertname'] ?? ''].sort();
  }
  return lit;
}

const sent = (alertname: string, instance: string): SentAlert[] =>
  webhook.sent.filter(({ labels }) => labels['alertname'] === alertname && labels['instance'] === instance);

test(
  'each scenario fires its alerts and no others',
  async () => {
    const wanted = Object.fromEntries(
      Object.entries(LIT).map(([name, alerts]) => [name, [...alerts].sort()]),
    );
    let lit = await fired();
    const lacking = (): string[] =>
      Object.entries(wanted).flatMap(([name, alerts]) =>
        alerts.filter((alert) => !lit[name]?.includes(alert)).map((alert) => `${name}: ${alert}`),
      );
    // Waits for all expected alerts, and long enough that any unexpected one would have fired too.
    await until('all that should be lit', 3 * LONGEST_FOR_SECONDS * 1_000, async () => {
      lit = await fired();
      return lacking().length === 0 && performance.now() - startedMs > (LONGEST_FOR_SECONDS + 15) * 1_000;
    }).catch((error: Error) => expect(lacking(), error.message).toEqual([]));
    const certain = Object.entries(lit).map(([name, alerts]) => [
      name,
      alerts.filter((alert) => wanted[name]?.includes(alert) || !NEAR_ITS_LIMIT[name]?.includes(alert)),
    ]);
    expect(Object.fromEntries(certain)).toEqual(wanted);
  },
  4 * LONGEST_FOR_SECONDS * 1_000,
);

test('overcommit that hurts arrives with host, VMs, figures and runbook', async () => {
  const harmful = await until('the alert', 30_000, () => sent('HostCpuContentionHigh', 'overcommitted')[0]);
  expect(harmful.labels).toMatchObject({ severity: 'warning', component: 'cpu', cluster: 'overcommitted' });
  expect(harmful.annotations['summary']).toMatch(
    /^CPU contention on host overcommitted \(overcommitted\) is [\d.]+% at 2\.9 vCPUs per CPU\.$/,
  );
  expect(harmful.annotations['description']).toMatch(
    /Highest steal: "[\w-]+" \([\d.]+%\) "[\w-]+" \([\d.]+%\)/,
  );
  expect(harmful.annotations['runbook_url']).toBe(`${DEFAULT_RUNBOOK_URL}/HostCpuContentionHigh.md`);
  const vm = await until(
    'the alert on a VM',
    60_000,
    () => sent('DomainCpuStealCritical', 'overcommitted')[0],
  );
  expect(vm.annotations['summary']).toMatch(
    new RegExp(
      `^VM "${vm.labels['domain']}" on host overcommitted \\(overcommitted\\) has [\\d.]+% CPU steal\\.$`,
    ),
  );
  expect(vm.labels).toMatchObject({ severity: 'critical', domain: expect.stringMatching(/^[a-z]/) });
});

test('of a noisy neighbour only the VMs that share its CPUs fire', () => {
  const fired = ['DomainCpuStealHigh', 'DomainCpuStealCritical']
    .flatMap((alert) => sent(alert, 'noisy-neighbour'))
    .map(({ labels }) => labels['domain'] ?? '');
  expect(fired).not.toEqual([]);
  expect(fired.filter((domain) => !['pg-orders', 'noisy-build'].includes(domain))).toEqual([]);
});

test('each mishap fires for its VM, whichever host is gone', () => {
  const domains = (alert: string): (string | undefined)[] => [
    ...new Set(sent(alert, 'mishaps').map(({ labels }) => labels['domain'])),
  ];
  expect(domains('DomainPausedByIoError')).toEqual(['web-01']);
  expect(domains('DomainCrashed')).toEqual(['web-02']);
  expect(domains('DomainUnresponsive')).toEqual(['web-03']);
  expect(sent('DomainPausedByIoError', 'mishaps')[0]?.annotations['summary']).toContain(
    'paused by an I/O error',
  );
  expect(sent('ExporterDown', 'gone')).not.toEqual([]);
  expect(sent('LibvirtUnreachable', 'without-libvirt')).not.toEqual([]);
});

test('the calm hosts send nothing', () => {
  expect(webhook.sent.filter(({ labels }) => labels['instance']?.startsWith('calm'))).toEqual([]);
});

/** Notifications about a host, by the group they were sent in. */
function pagesOf(instance: string): Map<string, Set<string>> {
  const groups = new Map<string, Set<string>>();
  for (const { receiver, status, groupLabels, alerts } of webhook.notifications) {
    if (receiver !== 'pager' || status !== 'firing' || groupLabels['instance'] !== instance) continue;
    const component = groupLabels['component'] ?? '';
    const names = groups.get(component) ?? new Set<string>();
    for (const { labels } of alerts) names.add(labels['alertname'] ?? '');
    groups.set(component, names);
  }
  return groups;
}

test('a host that stalls pages once, and does not also notify that it is under pressure', () => {
  expect([...pagesOf('memory-pressure')]).toEqual([['memory', new Set(['HostMemoryOvercommitCritical'])]]);
  const [first, ...others] = webhook.notifications.filter(
    ({ receiver, groupLabels, status }) =>
      receiver === 'pager' && status === 'firing' && groupLabels['instance'] === 'memory-pressure',
  );
  expect(first?.alerts).toHaveLength(1);
  expect(others).toEqual([]);
  expect(sent('HostMemoryPressure', 'memory-pressure')).toEqual([]);
  expect(sent('HostMemoryOvercommitHigh', 'memory-pressure')).toEqual([]);
});

test('the VMs of a host that wait for CPU are one group, and so are those that are in trouble', () => {
  expect([...pagesOf('overcommitted')]).toEqual([['cpu', new Set(['DomainCpuStealCritical'])]]);
  expect([...pagesOf('mishaps')]).toEqual([['vm', new Set(['DomainCrashed', 'DomainUnresponsive'])]]);
});

test('a host that is not reached, or whose storage fails, is in one notification with all others of its cluster', () => {
  for (const alertname of ['ExporterDown', 'LibvirtUnreachable', 'DomainPausedByIoError']) {
    const groups = webhook.notifications
      .filter(({ alerts }) => alerts.some(({ labels }) => labels['alertname'] === alertname))
      .map(({ groupLabels }) => Object.keys(groupLabels).sort());
    expect(groups[0], alertname).toEqual(['alertname', 'cluster']);
    expect(new Set(groups.map(String)).size, alertname).toBe(1);
  }
});

test('the many slow disks of a host are one alert of the host, and not one for each disk', () => {
  expect(sent('HostDisksSlow', 'io-storm')[0]?.annotations['summary']).toMatch(
    /^\d\d disks of VMs on host io-storm \(io-storm\) have high request latency\.$/,
  );
  expect(sent('DiskLatencyHigh', 'io-storm')).toEqual([]);
});

test('the watchdog arrives at its receiver all the time', () => {
  const watchdogs = webhook.notifications.filter(({ receiver }) => receiver === 'watchdog');
  expect(watchdogs[0]?.alerts.map(({ labels }) => labels)).toEqual([
    { alertname: 'VirtuneWatchdog', severity: 'none' },
  ]);
  expect(watchdogs.every(({ alerts }) => alerts.length === 1)).toBe(true);
});

test('every query of every dashboard finds series', async () => {
  const empty: string[] = [];
  for (const { title, expr } of queriesOf(builtDashboards())) {
    if ((await prometheus.query(chosen(expr))).length === 0) empty.push(title);
  }
  // Only what the simulator cannot show, each with its reason.
  expect(empty.filter((title) => !(title in EMPTY_NOW_AND_THEN)).sort()).toEqual(
    Object.keys(EMPTY_PANELS).sort(),
  );
}, 300_000);

test('every query of every runbook is answered, and finds series', async () => {
  const empty: string[] = [];
  for (const { title, text } of runbookQueries()) {
    if ((await prometheus.query(ofAny(text, FASTER))).length === 0) empty.push(title);
  }
  expect(empty.sort()).toEqual(Object.keys(EMPTY_RUNBOOK_QUERIES).sort());
}, 300_000);

test('while an alert fires, its runbook does not say that it is over', async () => {
  // The watchdog is broken when it does not fire.
  const firing = await prometheus.query('ALERTS{alertstate="firing", alertname!="VirtuneWatchdog"}');
  const checked = new Set<string>();
  for (const { metric } of firing) {
    const alert = metric['alertname'] ?? '';
    const verification = runbookQueries().filter(
      ({ runbook, section }) => runbook === alert && section === 'Verification',
    );
    const found = await Promise.all(
      verification.map(async ({ text }) => (await prometheus.query(ofAlert(text, metric, FASTER))).length),
    );
    // If there are several queries, none may report the problem as solved.
    expect(
      Math.min(...found),
      `${alert} of ${metric['instance'] ?? metric['cluster']} ${metric['domain'] ?? ''}`,
    ).toBe(0);
    checked.add(alert);
  }
  expect(checked.size).toBeGreaterThan(12);
}, 120_000);

test('the cure of PinnedCpuShared works, and its queries show it', async () => {
  const { uri } = hostNamed('noisy-neighbour');
  const runbook = readRunbooks().find(({ alert }) => alert === 'PinnedCpuShared');
  const cure = runbook?.commands.find(({ text }) => text.startsWith('virtune tune apply'))?.text ?? '';
  const words = filled(cure, { VM: 'pg-orders', NEIGHBOUR: 'noisy-build' }).split(' ').slice(1);
  const stateDir = mkdtempSync(join(tmpdir(), 'virtune-cure-'));
  closers.push(() => rmSync(stateDir, { recursive: true }));
  const applied = await runVirtune(...words, '--yes', '--connect', uri, '--state-dir', stateDir);
  expect(applied).toMatchObject({ code: 0 });
  for (const alert of ['PinnedCpuShared', 'DomainCpuStealHigh']) {
    const [query] = runbookQueries().filter(
      ({ runbook, section }) => runbook === alert && section === 'Verification',
    );
    const expr = ofAlert(query?.text ?? '', { instance: 'noisy-neighbour', domain: 'pg-orders' }, FASTER);
    await until(expr, 60_000, async () => (await prometheus.query(expr)).length > 0);
  }
  const firing = 'ALERTS{alertstate="firing", alertname="PinnedCpuShared", instance="noisy-neighbour"}';
  await until('the alert to be over', 60_000, async () => (await prometheus.query(firing)).length === 0);
}, 240_000);

test('once the load is gone, so are the alerts', async () => {
  const { daemon } = hostNamed('overcommitted');
  const harmful = 'ALERTS{alertstate="firing", alertname="HostCpuContentionHigh", instance="overcommitted"}';
  await until('the alert to fire', 90_000, async () => (await prometheus.query(harmful)).length > 0);
  for (const vm of daemon.host.vms) if (vm.spec.name.startsWith('batch-')) vm.stop(1);
  await until('the alert to be over', 90_000, async () => (await prometheus.query(harmful)).length === 0);
  await until('the resolved notification', 30_000, () => {
    return sent('HostCpuContentionHigh', 'overcommitted').at(-1)?.status === 'resolved';
  });
}, 240_000);
