import { defineConfig } from 'vitest/config';

/** Rooms whose tests leave nothing in a module: their files share the modules of a worker, which are loaded once. */
const SHARED = ['advice', 'dashboards', 'exporter', 'libvirt', 'model', 'sampler', 'tui'].map(
  (room) => `test/${room}/**/*.test.ts`,
);
/** Files in these rooms that replace a module of Node.js, or need a table as it is at the start. */
const APART = [
  'test/exporter/ndjson/line-file.test.ts',
  'test/exporter/queue/lock.test.ts',
  'test/libvirt/known-names.test.ts',
];
const OTHER_SUITES = ['test/live/**', 'test/bench/**'];

/** The suite that needs nothing but Node: no libvirt, no root, no network beyond loopback. */
export default defineConfig({
  test: {
    globalSetup: ['test/setup-temporary-folder.ts'],
    testTimeout: 60_000,
    // By itself vitest leaves one CPU free; tests here wait for processes that they start.
    maxWorkers: '100%',
    projects: [
      { extends: true, test: { name: 'shared', include: SHARED, exclude: APART, isolate: false } },
      {
        extends: true,
        test: { name: 'isolated', include: ['test/**/*.test.ts'], exclude: [...OTHER_SUITES, ...SHARED] },
      },
      { extends: true, test: { name: 'apart', include: APART } },
    ],
  },
});
