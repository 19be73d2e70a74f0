import { defineConfig } from 'vitest/config';

/** Tests that need no libvirtd, and may run beside the others, as in `.ci/run`. */
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

/** Experiments: settings that are compared on a guest under load. They do not change the host's huge pages. */
const EXPERIMENTS = ['test/live/tuner-measure*.live.ts'];

/** Tests that change guests' settings or the host's huge pages, for which `.ci/run` starts a separate libvirtd. */
const TUNING = ['advice-limit', 'tuner-*', 'tuning-contract'].map((name) => `test/live/${name}.live.ts`);

/** Runbooks, and groups of metrics one by one; beside a separate libvirtd, like tuning. */
const OPERATIONS = ['advice-chain', 'cpu-shares', 'groups', 'migration-alerts', 'runbooks'].map(
  (name) => `test/live/${name}.live.ts`,
);

/** A whole emulated host, some minutes each: for `.ci/nightly`. */
const NUMA = ['test/live/numa-*.live.ts'];

/** Guests that keep all CPUs of the host busy for minutes: alone, for `.ci/nightly`. */
const ADVICE = ['test/live/advice.live.ts'];

const timeouts = { testTimeout: 120_000, hookTimeout: 300_000 };

/**
 * Runs as root on Debian, and installs what it lacks. `--project guests`, `tuning`, `experiments`, `operations`,
 * `servers`, `search`, `numa` or `advice` selects a part.
 */
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
