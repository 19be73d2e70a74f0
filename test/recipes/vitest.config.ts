import { defineConfig } from 'vitest/config';

/** Follows docs/recipes.md in copies of the sources: minutes, so `.ci/nightly` runs it. */
export default defineConfig({
  test: { include: ['test/recipes/*.nightly.ts'], testTimeout: 600_000, hookTimeout: 120_000 },
});
