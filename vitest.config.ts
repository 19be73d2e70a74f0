import { defineConfig } from 'vitest/config';

/** The suite that needs nothing but Node: no libvirt, no root, no network beyond loopback. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/live/**', 'test/bench/**'],
    globalSetup: ['test/setup-temporary-folder.ts'],
    testTimeout: 60_000,
    // By itself vitest leaves one CPU free; tests here wait for processes that they start.
    maxWorkers: '100%',
  },
});
