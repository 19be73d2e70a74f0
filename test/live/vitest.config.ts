import { defineConfig } from 'vitest/config';

/** What needs no libvirtd: these may run beside the others, as `.ci/run` has them. */
const SERVERS = [
  'alerting',
  'deploy',
  'elasticsearch-faults',
  'elasticsearch-outage',
  'load',
  'rules',
  'top-terminal',
].map((name) => `test/live/${name}.live.ts`);

const timeouts = { testTimeout: 120_000, hookTimeout: 300_000 };

/** As root on Debian; installs what it lacks. `--project guests` or `--project servers` for one half. */
export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      {
        test: {
          ...timeouts,
          name: 'guests',
          include: ['test/live/**/*.live.ts'],
          exclude: SERVERS,
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
    ],
  },
});
