import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { buildAlertRules, buildRecordingRules } from '../../dashboards/rules/build.ts';
import { recordingRules } from '../../dashboards/rules/recording.ts';
import { encodeSample } from '../../exporter/prometheus/encode.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { until } from '../live/lab/run.ts';
import { spawnQuietly } from '../live/stack/spawn.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { fixed, median, table } from './table.ts';

const HOSTS = 200;
const VMS = 50;
const INTERVAL_SECONDS = 15;
/** Rounds of evaluation that count, after all hosts have been scraped often enough to have rates. */
const ROUNDS = 5;
const PORT = 19_290;

/**
 * What rules cost a Prometheus that has a fleet: 200 targets that each tell what one simulated host of 50 VMs
 * tells, with counters that go on, under 200 instance labels.
 */
export async function rules(): Promise<string> {
  const small = await textsOf(14, 1);
  const texts = await textsOf(VMS, 14);
  const page = await servePages(texts);
  const folder = mkdtempSync(join(tmpdir(), 'virtune-rules-bench-'));
  const config = configure(folder, page.port);
  const prometheus = spawnQuietly('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${PORT}`,
  ]);
  try {
    await until('every host to have rates', 180_000, async () => {
      const [answer] = await query('count(instance:virtune_vcpu_contention:ratio_rate5m >= 0)');
      return answer === HOSTS;
    });
    const groups = await measure();
    const [recorded = 0] = await query(
      `count({__name__=~"${recordingRules.map(({ record }) => record).join('|')}"})`,
    );
    const [series = 0] = await query('prometheus_tsdb_head_series');
    const rssMiB = rssKiB(prometheus.pid) / 1_024;
    return report({ small: lines(small[0]), large: lines(texts[0]), recorded, series, groups, rssMiB });
  } finally {
    await prometheus.stop();
    await page.close();
    rmSync(folder, { recursive: true });
  }
}

/** Scrapes of one simulated host, a scrape interval of its own time apart. */
async function textsOf(vms: number, count: number): Promise<string[]> {
  let nowMs = Date.now();
  const socket = temporarySocket();
  const scenario = withVmCount(findScenario('overcommitted'), vms);
  const daemon = new SimulatedDaemon(new SimulatedHost(scenario, { now: () => nowMs }));
  await daemon.listen({ path: socket.path });
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    now: () => nowMs,
    domainDeadlineMs: 30_000,
    tickDeadlineMs: 60_000,
  });
  try {
    // The second sample is the first that has contention.
    await sampler.sample();
    const texts: string[] = [];
    for (let index = 0; index < count; index++) {
      nowMs += INTERVAL_SECONDS * 1_000;
      texts.push([...encodeSample(await sampler.sample(), 'text')].join(''));
    }
    return texts;
  } finally {
    await sampler.close();
    await daemon.stop();
    socket.remove();
  }
}

/** The scrape that is due, to whoever asks; the last one once they are used up. */
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

function configure(folder: string, port: number): string {
  writeFileSync(join(folder, 'recording.yaml'), stringify(buildRecordingRules()));
  writeFileSync(join(folder, 'alerts.yaml'), stringify(buildAlertRules()));
  const interval = `${INTERVAL_SECONDS}s`;
  const config = join(folder, 'prometheus.yml');
  writeFileSync(
    config,
    stringify({
      global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      rule_files: [join(folder, 'recording.yaml'), join(folder, 'alerts.yaml')],
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
  return config;
}

interface GroupCost {
  readonly name: string;
  readonly rules: number;
  readonly seconds: number;
}

/** The median of some evaluations of each group, as Prometheus itself times them. */
async function measure(): Promise<GroupCost[]> {
  const times = new Map<string, { rules: number; seconds: Map<string, number> }>();
  await until('the rules to be evaluated some times', 180_000, async () => {
    const response = await fetch(`http://127.0.0.1:${PORT}/api/v1/rules`);
    const { data } = (await response.json()) as {
      data: { groups: { name: string; rules: unknown[]; evaluationTime: number; lastEvaluation: string }[] };
    };
    for (const { name, rules, evaluationTime, lastEvaluation } of data.groups) {
      const known = times.get(name) ?? { rules: rules.length, seconds: new Map<string, number>() };
      known.seconds.set(lastEvaluation, evaluationTime);
      times.set(name, known);
    }
    return [...times.values()].every(({ seconds }) => seconds.size > ROUNDS);
  });
  return [...times].map(([name, { rules, seconds }]) => ({
    name,
    rules,
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

function rssKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

interface Report {
  readonly small: number;
  readonly large: number;
  readonly recorded: number;
  readonly series: number;
  readonly groups: readonly GroupCost[];
  readonly rssMiB: number;
}

function report({ small, large, recorded, series, groups, rssMiB }: Report): string {
  const perSecond = (count: number): string => fixed(count / INTERVAL_SECONDS);
  const host = table(
    ['a host', 'series', `samples a second at ${INTERVAL_SECONDS} s`],
    [
      ['14 VMs, default groups', String(small), perSecond(small)],
      [`${VMS} VMs, default groups`, String(large), perSecond(large)],
      ['recorded of it', fixed(recorded / HOSTS, 0), perSecond(recorded / HOSTS)],
    ],
  );
  const all = groups.reduce((sum, { seconds }) => sum + seconds, 0);
  const share = (seconds: number): string => `${fixed((seconds / INTERVAL_SECONDS) * 100)} %`;
  const cost = table(
    ['group', 'rules', 'seconds', `of ${INTERVAL_SECONDS} s`],
    [
      ...groups.map(({ name, rules, seconds }) => [name, String(rules), fixed(seconds, 3), share(seconds)]),
      ['all', String(groups.reduce((sum, each) => sum + each.rules, 0)), fixed(all, 3), share(all)],
    ],
  );
  return `### Rules at ${HOSTS} hosts x ${VMS} VMs (${series} series in Prometheus, ${fixed(rssMiB, 0)} MiB resident)\n\n${host}\n\n${cost}`;
}
