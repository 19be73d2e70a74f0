import { describe, expect, test } from 'vitest';
import type { AdviceKind } from '../../advice/advice.ts';
import { adviceFor, makeCase, type Score, score, startCase } from './scenarios/case.ts';
import { FAULTS } from './scenarios/faults.ts';
import { effectsOf } from './scenarios/harm.ts';

/** Number of hosts that are drawn per kind, and the first seed: `.ci/nightly` uses different ones every night. */
const HOSTS = Number(process.env['VIRTUNE_ADVICE_HOSTS'] ?? 0);
const FIRST_SEED = Number(process.env['VIRTUNE_ADVICE_SEED'] ?? 1_001);
const LOSS_MAX = 0.05;

const seeds = Array.from({ length: HOSTS }, (_, index) => FIRST_SEED + index);

describe.skipIf(HOSTS === 0)('on hosts that no rule was written for', () => {
  test.each(seeds.map((seed) => [seed]))(
    'seed %i: nothing is advised without a fault',
    { timeout: 120_000 },
    async (seed) => {
      const world = await startCase(makeCase(undefined, seed));
      try {
        expect(await adviceFor(world)).toEqual([]);
      } finally {
        await world.stop();
      }
    },
  );

  const cases = FAULTS.flatMap(({ kind }) => seeds.map((seed) => [kind, seed] as const));
  test.each(cases)(
    '%s, seed %i: all faults are found, nothing else, and no change harms another VM',
    { timeout: 120_000 },
    async (kind, seed) => {
      const { truths } = makeCase(kind, seed);
      const world = await startCase(makeCase(kind, seed));
      const { nowMs } = world;
      try {
        const advice = await adviceFor(world);
        expect(score(truths, advice, new Map<AdviceKind, Score>())).toEqual([]);
        const seconds = (world.nowMs - nowMs) / 1_000;
        const its = advice.filter((each) => each.kind === kind);
        const effects = await effectsOf(() => makeCase(kind, seed), its, seconds);
        expect(effects.filter(({ worstLoss }) => worstLoss.share > LOSS_MAX)).toEqual([]);
      } finally {
        await world.stop();
      }
    },
  );
});
