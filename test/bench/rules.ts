import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { buildAlertRules, buildRecordingRules } from '../../dashboards/rules/build.ts';
import { recordingRules } from '../../dashboards/rules/recording.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { parseSeconds } from '../../model/duration.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { sampleText } from '../exporter/sample-text.ts';
import { find, parseExposition } from '../exposition.ts';
import { sleep, until } from '../live/lab/run.ts';
import { spawnQuietly } from '../live/stack/spawn.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { cpuMs, rssMiB } from './process-usage.ts';
import { fixed, median, table } from './table.ts';

const HOSTS = 200;
const VMS = 50;
const INTERVAL_SECONDS = 15;
/** Rounds of evaluation that count, after enough scrapes of all hosts to have rates. */
const ROUNDS = 4;
const PORT = 19_290;

/**
 * Cost of the rules for a Prometheus with a fleet: 200 targets, each with the series of one simulated host with 50 VMs
 * and increasing counters, under 200 instance labels.
 */
export async function rules(): Promise<string> {
  const small = await textsOf(14, 1);
  const texts = await textsOf(VMS, 20);
  const page = await servePages(texts);
  const folder = mkdtempSync(join(tmpdir(), 'virtune-rules-bench-'));
  const config = join(folder, 'prometheus.yml');
  configure(config, page.port, []);
  const prometheus = spawnQuietly('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${PORT}`,
  ]);
  try {
    await until('every host to be scraped', 300_000, async () => {
      await sleep(1_000);
      return (await query('count(libvirt_up == 1)'))[0] === HOSTS;
    });
    const scraping = await cpusOf(prometheus.pid);
    configure(config, page.port, writeRules(folder));
    process.kill(prometheus.pid, 'SIGHUP');
    await until('every host to have rates', 300_000, async () => {
      await sleep(1_000);
      return (await query('count(instance:virtune_vcpu_contention:ratio_rate5m >= 0)'))[0] === HOSTS;
    });
    const [groups, withRules] = await Promise.all([measure(), cpusOf(prometheus.pid)]);
    const names = recordingRules.map(({ record }) => record).join('|');
    const [recorded = 0] = await query(`count({__name__=~"${names}"})`);
    const [series = 0] = await query('prometheus_tsdb_head_series');
    const resident = rssMiB(prometheus.pid);
    return report({
      ...{ small: lines(small[0]), large: lines(texts[0]), recorded, series, rssMiB: resident },
      ...{ groups, scraping, withRules },
    });
  } finally {
    await prometheus.stop();
    await page.close();
    rmSync(folder, { recursive: true });
  }
}

/** CPUs that a process uses, over some intervals: independent of other load on this machine. */
async function cpusOf(pid: number): Promise<number> {
  const seconds = 2 * INTERVAL_SECONDS;
  const before = cpuMs(pid);
  await sleep(seconds * 1_000);
  return (cpuMs(pid) - before) / (1_000 * seconds);
}

/** Scrapes of one simulated host, one scrape interval of simulated time apart. */
async function textsOf(vms: number, count: number): Promise<string[]> {
  let nowMs = Date.now();
  const socket = temporarySocket();
  const calm = findScenario('calm');
  // Large enough for its VMs: a fleet whose alerts all fire is a different case.
  const scenario = {
    ...withVmCount(calm, vms),
    host: { ...calm.host, coresPerSocket: 64, memoryGiB: 1_024 },
  };
  const daemon = new SimulatedDaemon(new SimulatedHost(scenario, { now: () => nowMs }));
  await daemon.listen({ path: socket.path });
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    now: () => nowMs,
    domainDeadlineMs: 30_000,
    tickDeadlineMs: 60_000,
  });
  try {
    // The second sample is the first one with contention.
    await sampler.sample();
    const texts: string[] = [];
    for (let index = 0; index < count; index++) {
      nowMs += INTERVAL_SECONDS * 1_000;
      texts.push(sampleText(await sampler.sample(), 'text'));
    }
    return texts;
  } finally {
    await sampler.close();
    await daemon.stop();
    socket.remove();
  }
}

/** Serves the scrape that is due to any client; the last one once all are used up. */
async function servePages(texts: readonly string[]): Promise<{ port: number; close(): Promise<void> }> {
  const startedMs = performance.now();
  const bodies = texts.map((text) => Buffer.from(text));
  const server = createServer((_request, response) => {
    const due = Math.floor((performance.now() - startedMs) / 1_000 / INTERVAL_SECONDS);
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(bodies[Math.min(due, bodies.length - 1)]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The shipped rules, but with each group evaluated at every interval, to time it several times. */
function writeRules(folder: string): string[] {
  return [buildRecordingRules(), buildAlertRules()].map(({ groups }, index) => {
    const file = join(folder, `rules${index}.yaml`);
    const often = groups.map((group) => ({ ...group, interval: `${INTERVAL_SECONDS}s` }));
    writeFileSync(file, stringify({ groups: often }));
    return file;
  });
}

function configure(file: string, port: number, rule_files: readonly string[]): void {
  const interval = `${INTERVAL_SECONDS}s`;
  writeFileSync(
    file,
    stringify({
      global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      rule_files,
      scrape_configs: [
        {
          job_name: 'virtune',
          static_configs: Array.from({ length: HOSTS }, (_, host) => ({
            targets: [`127.0.0.1:${port}`],
            labels: { instance: `kvm${host}`, cluster: `cluster${host % 4}`, __metrics_path__: `/${host}` },
          })),
        },
        { job_name: 'prometheus', static_configs: [{ targets: [`127.0.0.1:${PORT}`] }] },
      ],
    }),
  );
}

interface GroupCost {
  readonly name: string;
  readonly rules: number;
  readonly seconds: number;
}

/** The median of several evaluations of each group, as timed by Prometheus. */
async function measure(): Promise<GroupCost[]> {
  const times = new Map<string, Map<number, number>>();
  const rules = new Map<string, number>();
  await until('the rules to be evaluated some times', 400_000, async () => {
    const series = parseExposition(await (await fetch(`http://127.0.0.1:${PORT}/metrics`)).text());
    const byGroup = (name: string): [group: string, value: number][] =>
      find(series, name).map(({ labels, value }) => [labels['rule_group']?.split(';').at(-1) ?? '', value]);
    const endedAt = new Map(byGroup('prometheus_rule_group_last_evaluation_timestamp_seconds'));
    for (const [group, count] of byGroup('prometheus_rule_group_rules')) rules.set(group, count);
    for (const [group, seconds] of byGroup('prometheus_rule_group_last_duration_seconds')) {
      const known = times.get(group) ?? new Map<number, number>();
      known.set(endedAt.get(group) ?? 0, seconds);
      times.set(group, known);
    }
    await sleep(1_000);
    return times.size > 0 && [...times.values()].every(({ size }) => size > ROUNDS);
  });
  return [...times].map(([name, seconds]) => ({
    name,
    rules: rules.get(name) ?? 0,
    seconds: median([...seconds.values()].slice(1)),
  }));
}

async function query(expr: string): Promise<number[]> {
  const response = await fetch(`http://127.0.0.1:${PORT}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result.map(({ value }) => Number(value[1]));
}

const lines = (text = ''): number =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;

interface Report {
  readonly small: number;
  readonly large: number;
  readonly recorded: number;
  readonly series: number;
  readonly rssMiB: number;
  readonly groups: readonly GroupCost[];
  /** CPUs that Prometheus used without rules, and with all of them at every interval. */
  readonly scraping: number;
  readonly withRules: number;
}

function report(found: Report): string {
  const { small, large, recorded, series, rssMiB, groups, scraping, withRules } = found;
  const perSecond = (count: number): string => fixed(count / INTERVAL_SECONDS);
  const host = table(
    ['a host', 'series', `samples per second at ${INTERVAL_SECONDS} s`],
    [
      ['14 VMs, default groups', String(small), perSecond(small)],
      [`${VMS} VMs, default groups`, String(large), perSecond(large)],
      ['recorded of it', fixed(recorded / HOSTS, 0), perSecond(recorded / HOSTS)],
    ],
  );
  const every = new Map(
    [...buildRecordingRules().groups, ...buildAlertRules().groups].map(({ name, interval }) => [
      name,
      parseSeconds(interval),
    ]),
  );
  const share = ({ name, seconds }: GroupCost): number => seconds / (every.get(name) ?? INTERVAL_SECONDS);
  const percent = (value: number): string => `${fixed(value * 100)} %`;
  const cost = table(
    ['group', 'rules', 'seconds', 'every', 'of the time'],
    [
      ...groups.map((group) => [
        group.name,
        String(group.rules),
        fixed(group.seconds, 3),
        `${every.get(group.name)} s`,
        percent(share(group)),
      ]),
      [
        'all',
        String(sum(groups, (group) => group.rules)),
        fixed(
          sum(groups, (group) => group.seconds),
          3,
        ),
        '',
        percent(sum(groups, share)),
      ],
    ],
  );
  const round = (withRules - scraping) * INTERVAL_SECONDS;
  return `### Rules at ${HOSTS} hosts x ${VMS} VMs

${series} series in Prometheus, ${fixed(rssMiB, 0)} MiB resident. It used ${fixed(scraping, 2)} CPUs to scrape; one evaluation of all rules
took ${fixed(round)} CPU seconds.

${host}

${cost}`;
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
