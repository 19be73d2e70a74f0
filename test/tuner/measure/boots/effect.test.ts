import { expect, test } from 'vitest';
import { type Boot, bootEffect, type Control } from '../../../../tuner/measure/boots/effect.ts';
import { judgeBoots } from '../../../../tuner/measure/boots/verdict.ts';
import type { Arm } from '../../../../tuner/measure/schedule.ts';
import { type BootWorld, byRestarts, calibrateBoots, naiveBootsFind } from './worlds.ts';

const ARMS: readonly Arm[] = ['on', 'off', 'off', 'on', 'on', 'off', 'on', 'off'];
const NOISE = [1.01, 0.99, 1.02, 1, 0.98, 1.01, 1.02, 0.99];
const CRITERION = { direction: 'lower is better', margin: 1.05 } as const;
const mean = (value: number) => ({ value, covered: 1, samples: 9 });
const boots = (ratio: number, arms = ARMS, shock: readonly number[] = []): Boot[] =>
  arms.map((arm, at) => ({
    arm,
    mean: mean((NOISE[at] ?? 1) * (arm === 'on' ? ratio : 1) * (shock[at] ?? 1)),
  }));
const control = (name: string, values: readonly number[]): Control => ({ name, means: values.map(mean) });

test('eight boots that differ by far more than noise are found, with the smallest p-value that they can give', () => {
  const { effect } = bootEffect(boots(0.7), []);
  expect(effect).toMatchObject({
    scale: 'ratio',
    off: 4,
    on: 4,
    p: 2 / 70,
    smallestP: 2 / 70,
    comparedWith: [],
  });
  expect(effect?.effect).toBeCloseTo(0.7, 1);
  expect(effect?.low).toBeLessThan(0.7);
  expect(effect?.high).toBeGreaterThan(0.7);
  expect(effect?.high).toBeLessThan(0.8);
  expect(judgeBoots(effect, CRITERION)).toMatchObject({ verdict: 'better', notWorse: true });
  expect(judgeBoots(effect, { ...CRITERION, direction: 'higher is better' }).verdict).toBe('worse');
});

test('boots of the same speed show no difference, within the ends of the interval', () => {
  const judged = judgeBoots(bootEffect(boots(1), []).effect, CRITERION);
  expect(judged.verdict).toBe('no difference');
  expect(judged.within).toBeLessThan(1.05);
});

test('of few restarts nothing can be decided, whatever they show, and the reason has the smallest p-value', () => {
  const { effect } = bootEffect(boots(0.5, ['off', 'on', 'on', 'off']), []);
  expect(effect).toMatchObject({ low: 0, high: Number.POSITIVE_INFINITY, smallestP: 1 / 3 });
  expect(judgeBoots(effect, CRITERION)).toMatchObject({
    verdict: 'inconclusive',
    notWorse: false,
    reason: expect.stringMatching(
      /^-5\d\.\d % was seen, but with 4 boots the smallest possible p-value is 33\.3 %, so it may be chance; at least 8 restarts are needed to decide$/,
    ),
  });
  const once = bootEffect(boots(0.5, ['off', 'on']), []).effect;
  expect(judgeBoots(once, CRITERION).reason).toContain('with 2 boots the smallest possible p-value is 100 %');
});

test('what all VMs of the host have in common is taken out, and one with a night job does not decide what that is', () => {
  const shock = [1, 2, 1.5, 1, 3, 1, 2, 2.5];
  const own = boots(0.8, ARMS, shock);
  const night = shock.map((value, at) => value * (at % 2 === 0 ? 5 : 1));
  const controls = [
    control('a', shock),
    control(
      'b',
      shock.map((value) => 7 * value),
    ),
    control('night', night),
  ];
  const { effect } = bootEffect(own, controls);
  expect(effect).toMatchObject({ comparedWith: ['a', 'b', 'night'], moved: false, p: 2 / 70 });
  expect(effect?.effect).toBeCloseTo(0.8, 1);
  expect(effect?.plain.p).toBeGreaterThan(0.05);
});

test('other VMs that differ with the settings make the interval hold both results, with and without them', () => {
  const spilled = ARMS.map((arm, at) => (NOISE[7 - at] ?? 1) * (arm === 'on' ? 1.5 : 1));
  const { effect } = bootEffect(boots(1), [control('a', spilled)]);
  expect(effect).toMatchObject({ moved: true });
  expect(effect?.low).toBeLessThan(0.75);
  expect(effect?.high).toBeGreaterThan(0.99);
  expect(judgeBoots(effect, CRITERION).verdict).toBe('inconclusive');
});

test('another VM without the figure in one of the boots is not compared with', () => {
  const broken = { name: 'restarted', means: ARMS.map((_, at) => (at === 3 ? { missing: 'x' } : mean(1))) };
  const { effect } = bootEffect(boots(0.8), [
    broken,
    control(
      'idle',
      ARMS.map(() => 0),
    ),
    control('a', NOISE),
  ]);
  expect(effect?.comparedWith).toEqual(['a']);
});

test('a boot without a figure is lost with its reason, and the others count', () => {
  const all = boots(0.7).map((boot, at) => (at === 1 ? { ...boot, mean: { missing: 'no sample' } } : boot));
  const { effect, lost } = bootEffect(all, []);
  expect(lost).toEqual([{ boot: 1, reason: 'no sample' }]);
  expect(effect).toMatchObject({ off: 3, on: 4, smallestP: 2 / 35 });
  expect(judgeBoots(effect, CRITERION).reason).toContain(
    'with 7 boots the smallest possible p-value is 5.7 %',
  );
  const one = all.map((boot) => (boot.arm === 'on' ? { ...boot, mean: { missing: 'x' } } : boot));
  expect(judgeBoots(bootEffect(one, []).effect, CRITERION).reason).toContain('no boot with the settings');
});

test('a figure that is 0 in a boot has no change in per cent', () => {
  const all = boots(1).map((boot, at) => (at === 0 ? { ...boot, mean: mean(0) } : boot));
  const { effect } = bootEffect(all, [control('a', NOISE)]);
  expect(effect?.scale).toBe('difference');
  expect(judgeBoots(effect, CRITERION).reason).toContain('was not above 0 in every boot');
});

test('what cannot be decided says how many restarts would', () => {
  const noisy = boots(1, ARMS, [1.2, 0.9, 1.1, 0.8, 1.3, 1, 0.7, 1.2]);
  const { restartsNeeded = 0, verdict } = judgeBoots(bootEffect(noisy, []).effect, CRITERION);
  expect(verdict).toBe('inconclusive');
  expect(restartsNeeded).toBeGreaterThan(100);
});

/** Any subset of boots may have the settings: with arbitrary values, and other VMs with arbitrary values. */
test('over all 70 draws of eight boots at most 5 % find something, and at most 5 % have an interval without the truth', () => {
  const values = [3, 1, 4, 1.5, 9, 2.6, 5, 3.5];
  const others = [control('a', [2, 7, 1, 8, 2.8, 1, 8, 2]), control('b', [1, 4, 1, 4, 2, 1, 3, 5])];
  for (const [ratio, controls] of [
    [1, []],
    [0.6, []],
    [1, others],
    [0.6, others],
  ] as const) {
    let [found, missed, draws] = [0, 0, 0];
    for (let bits = 0; bits < 256; bits++) {
      const arms = values.map((_, at): Arm => ((bits >> at) % 2 === 1 ? 'on' : 'off'));
      if (arms.filter((arm) => arm === 'on').length !== 4) continue;
      draws += 1;
      const drawn = values.map((value, at) => ({
        arm: arms[at] as Arm,
        mean: mean(value * (arms[at] === 'on' ? ratio : 1)),
      }));
      const { effect } = bootEffect(drawn, controls);
      if (effect === undefined) throw new Error('no effect');
      if (ratio === 1 && effect.p <= 0.05) found += 1;
      if (effect.low > ratio * (1 + 1e-9) || effect.high < ratio * (1 - 1e-9)) missed += 1;
    }
    expect(draws).toBe(70);
    expect(found / draws).toBeLessThanOrEqual(0.05);
    expect(missed / draws).toBeLessThanOrEqual(0.05);
  }
});

const RUNS = 300;
const ERROR = 3 * Math.sqrt((0.05 * 0.95) / RUNS);
const SHOCKED: BootWorld = { restarts: 8, noise: 0.05, shock: 0.3, shockLasts: 0.7, others: 6 };

test.each([
  ['noise alone', { restarts: 8, noise: 0.05, others: 6 }],
  ['a shock of the host', SHOCKED],
  ['a shock, and a night job of another VM', { ...SHOCKED, hasNightJob: true }],
  ['a trend', { ...SHOCKED, trend: 0.5 }],
])('with %s false findings stay at 5 %%, and intervals hold the truth in 95 %%', (_what, world) => {
  expect(calibrateBoots(world, 1, { runs: RUNS }).found).toBeLessThanOrEqual(0.05 + ERROR);
  const { covered } = calibrateBoots(world, 0.9, { runs: RUNS, first: 9_000 });
  expect(covered).toBeGreaterThanOrEqual(0.95 - ERROR);
});

test('with a shock of the host, comparing with other VMs finds what the VM alone does not show, and before and after is wrong', () => {
  const found = (corrected: boolean) => calibrateBoots(SHOCKED, 0.8, { runs: RUNS, corrected }).found;
  expect(found(true)).toBeGreaterThan(0.9);
  expect(found(false)).toBeLessThan(0.3);
  const naive = Array.from({ length: RUNS }, (_, run) => naiveBootsFind(SHOCKED, 1, run * 7));
  expect(naive.filter(Boolean).length / RUNS).toBeGreaterThan(0.9);
});

test('the same seed gives the same result', () => {
  expect(byRestarts(SHOCKED, 0.9, 3)).toEqual(byRestarts(SHOCKED, 0.9, 3));
});
