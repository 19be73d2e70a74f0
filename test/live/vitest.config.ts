import { defineConfig } from 'vitest/config';

/** Against a real libvirtd and real guests: needs root on Debian, installs what it lacks. */
export default defineConfig({
  test: {
    include: ['test/live/**/*.live.ts'],
    globalSetup: ['test/live/setup.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
