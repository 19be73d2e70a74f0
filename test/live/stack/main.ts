import { startPrometheus } from './prometheus.ts';
import { watchHost } from './simulated-host.ts';

/**
 * `npm run stack`: every scenario as a separate host, scraped by a real Prometheus with the rules, thirty
 * times as fast, on 127.0.0.1:9090 until Ctrl-C. `npm run layouts` draws the dashboards from it.
 */
const SCENARIOS = [
  'calm',
  'overcommitted',
  'noisy-neighbour',
  'numa-split-database',
  'io-storm',
  'memory-pressure',
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

const FASTER = 30;

const hosts = await Promise.all(
  SCENARIOS.map((name) =>
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
  targets: [
    ...hosts.map(({ name, target }) => ({ job: 'virtune', address: target, labels: { instance: name } })),
  ],
});
console.error(`stack: ${hosts.length} hosts at ${prometheus.url}, Ctrl-C ends it`);
await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
await prometheus.stop();
await Promise.all(hosts.map((host) => host.stop()));
