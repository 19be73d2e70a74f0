import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VirtuneProcess } from '../../virtune-process.ts';
import { startPrometheus } from './prometheus.ts';
import { type WatchedHost, watchHost } from './simulated-host.ts';

/**
 * `npm run stack -- [SCENARIO...]`: runs every scenario, or these, each as a separate host, scraped by a real
 * Prometheus with the rules at fifteen times their speed, on 127.0.0.1:9090 until Ctrl-C. After 75 minutes of
 * compressed time the tuner tunes one host; after two hours, `npm run layouts` draws the dashboards from the last hour,
 * beside the one before.
 */
const SCENARIOS = [
  'calm',
  'overcommitted',
  'noisy-neighbour',
  'numa-split-database',
  'io-storm',
  'memory-pressure',
  'untuned',
];
const CONDITION = {
  pressure: {
    cpu: { some: 0.04, full: 0 },
    memory: { some: 0.02, full: 0.004 },
    io: { some: 0.06, full: 0.02 },
  },
  busy: 0.46,
  swapInPagesPerSecond: 3,
  memoryGiB: 256,
  availableGiB: 70,
};
const FULL = { ...CONDITION, busy: 0.99, pressure: { ...CONDITION.pressure, cpu: { some: 0.97, full: 0 } } };

const TUNED = [
  { name: 'pg-orders', isDrifted: false },
  { name: 'mysql-shop', isDrifted: true },
];

const FASTER = 15;

/** A database gets dedicated CPUs; the others share the rest. */
const ASSIGNMENTS = `assign:
  - { domain: pg-orders, profile: oltp-database }
  - { domain: "web-*", profile: balanced }
  - { domain: "batch-*", profile: balanced }
  - { domain: "router-*", profile: balanced }
  - { domain: mysql-shop, profile: balanced }
  - { domain: mssql-erp, profile: balanced }
  - { domain: pg-billing, profile: balanced }
`;

/** Tunes the VMs of a host as its user would, one of them with an experiment, and checks them for drift. */
async function tune({ uri, driftFile }: WatchedHost): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-stack-'));
  const run = async (...args: readonly string[]): Promise<void> => {
    const where = ['--connect', uri, '--state-dir', join(folder, 'state')];
    const { code, stderr } = await new VirtuneProcess('tune', ...args, ...where).ended;
    if (code !== 0) throw new Error(`virtune tune ${args[0]} ended with ${code}: ${stderr}`);
  };
  try {
    const file = join(folder, 'assignments.yaml');
    writeFileSync(file, ASSIGNMENTS);
    // Short blocks, at fifteen times the speed. The result is kept: the others are tuned the same way next.
    await run(
      ...['apply', 'pg-orders', '--profile', 'oltp-database', '--yes', '--measure', '--keep-if', 'always'],
      ...['--blocks', '12', '--block', '2s', '--block-settle', '0', '--every', '1s', '--baseline', '4s'],
    );
    await run('apply', '--file', file, '--yes', '--restart', '--settle', '0s');
    await run('drift', '--record-file', driftFile);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const asked = process.argv.slice(2);
const hosts = await Promise.all(
  SCENARIOS.filter((name) => asked.length === 0 || asked.includes(name)).map((name) =>
    watchHost(
      name,
      name,
      FASTER,
      name === 'overcommitted' ? FULL : CONDITION,
      name === 'noisy-neighbour' ? TUNED : [],
    ),
  ),
);
const prometheus = await startPrometheus({
  port: 9_090,
  faster: FASTER,
  scrapeInterval: '6s',
  targets: [
    ...hosts.map(({ name, target }) => ({ job: 'virtune', address: target, labels: { instance: name } })),
  ],
});
const HOUR_MS = 3_600_000 / FASTER;
const startedMs = performance.now();
console.error(`stack: ${hosts.length} hosts at ${prometheus.url}, Ctrl-C ends it`);
const ended = new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
await Promise.race([sleep(1.25 * HOUR_MS), ended]);
const untuned = hosts.find(({ name }) => name === 'untuned');
if (untuned !== undefined) await tune(untuned);
// Long enough for the effects of tuning to show and to fall into the last hour.
const leftMs = 2.1 * HOUR_MS - (performance.now() - startedMs);
await Promise.race([sleep(Math.max(0.4 * HOUR_MS, leftMs)), ended]);
console.error('stack: two hours are recorded, npm run layouts can draw them');
await ended;
await prometheus.stop();
await Promise.all(hosts.map((host) => host.stop()));
