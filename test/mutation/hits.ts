import fc from 'fast-check';
import { afterEach, beforeEach } from 'vitest';

/** A vitest setup file: records which probes run in which test, and while the test's file loads. */
declare module 'vitest' {
  interface TaskMeta {
    hits?: readonly number[];
  }
}

// Fixed seed: property tests use the same values in every run, so that the same mutants survive.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 1 });

const loading = new Set<number>();
let current = loading;
Object.assign(globalThis, { __mutationHit: (probe: number) => void current.add(probe) });

beforeEach(() => {
  current = new Set();
});

afterEach(({ task }) => {
  task.meta.hits = [...loading, ...current];
});
