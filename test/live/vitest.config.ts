import { defineConfig } from 'vitest/config';

/** What needs no libvirtd: these may run beside the others, as `.ci/run` has them. */
const SERVERS = [
  'alerting',
  'clock-set',
  'deploy',
  'faulty-disk',
  'fleet',
  'hung-disk',
  'load',
  'otlp',
  'rules',
  'sizing',
  'soak',
  'top-terminal',
].map((name) => `test/live/${name}.live.ts`);

/** The same, with search servers that are stopped, killed and filled up: as long as all of the others together. */
const SEARCH = [
  'elasticsearch-faults',
  'elasticsearch-outage',
  'elasticsearch-queries',
  'elasticsearch-setup',
].map((name) => `test/live/${name}.live.ts`);

/** Experiments: settings that are compared on a guest under load. They leave the host's huge pages alone. */
const EXPERIMENTS = ['test/live/tuner-measure*.live.ts'];

/** What changes guests' settings or the host's huge pages, which `.ci/run` gives a libvirtd apart. */
const TUNING = ['advice-limit', 'tuner-*', 'tuning-contract'].map((name) => `test/live/${name}.live.ts`);

/** What an operator does when an alert fires, and groups of metrics one by one, beside a separate libvirtd like tuning. */
const OPERATIONS = ['advice-chain', 'cpu-shares', 'groups', 'migration-alerts', 'runbooks'].map(
  (name) => `test/live/${name}.live.ts`,
);

/** A whole host in emulation, a few minutes each: for `.ci/nightly`. */
const NUMA = ['test/live/numa-*.live.ts'];

/** Guests that keep all CPUs of the host busy for minutes: alone, for `.ci/nightly`. */
const ADVICE = ['test/live/advice.live.ts'];

const timeouts = { testTimeout: 120_000, hookTimeout: 300_000 };

/** As root on Debian; installs what it lacks. `--project guests`, `tuning`, `experiments`, `operations`, `servers`, `search`, `numa` or `advice` for a part. */
export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      {
        test: {
          ...timeouts,
          name: 'guests',
          include: ['test/live/**/*.live.ts'],
          exclude: [...SERVERS, ...SEARCH, ...TUNING, ...OPERATIONS, ...NUMA, ...ADVICE],
          globalSetup: ['test/live/setup-lab.ts'],
        },
      },
      {
        test: {
          ...timeouts,
          name: 'tuning',
          include: TUNING,
          exclude: EXPERIMENTS,
          globalSetup: ['test/live/setup-lab.ts'],
        },
      },
      {
        test: {
          ...timeouts,
          name: 'experiments',
          include: EXPERIMENTS,
          globalSetup: ['test/live/setup-lab.ts'],
        },
      },
      {
        test: {
          ...timeouts,
          name: 'operations',
          include: OPERATIONS,
          globalSetup: ['test/live/setup-lab.ts'],
        },
      },
      {
        test: {
          ...timeouts,
          name: 'advice',
          include: ADVICE,
          globalSetup: ['test/live/setup-lab.ts'],
        },
      },
      {
        test: {
          ...timeouts,
          name: 'servers',
          include: SERVERS,
          globalSetup: ['test/live/setup-packages.ts'],
        },
      },
      {
        test: {
          ...timeouts,
          name: 'search',
          include: SEARCH,
          globalSetup: ['test/live/setup-packages.ts'],
        },
      },
      {
        test: {
          ...timeouts,
          name: 'numa',
          include: NUMA,
          globalSetup: ['test/live/setup-packages.ts'],
        },
      },
    ],
  },
});
