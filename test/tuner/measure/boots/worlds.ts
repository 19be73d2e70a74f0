import { bootEffect, type Control } from '../../../../tuner/measure/boots/effect.ts';
import { makeBootSchedule } from '../../../../tuner/measure/boots/schedule.ts';
import { normals, seededRandom } from '../../../../tuner/measure/random.ts';
import type { Arm } from '../../../../tuner/measure/schedule.ts';

/** A host whose VM is restarted, with a known effect. All parts multiply; deviations are of the logarithm. */
export interface BootWorld {
  readonly restarts: number;
  /** Noise of each VM from boot to boot. */
  readonly noise: number;
  /** Shocks to all VMs of the host alike: their standard deviation, and the share that persists until the next boot. */
  readonly shock?: number;
  readonly shockLasts?: number;
  /** Growth of all VMs over the whole time. */
  readonly trend?: number;
  readonly others: number;
  /** One of the other VMs triples its activity in some boots: a night job. */
  readonly hasNightJob?: boolean;
  /** Ratio by which the setting changes the other VMs. */
  readonly spill?: number;
}

/** Samples per boot, for the naive method. */
const SAMPLES = 60;
const SAMPLE_NOISE = 0.05;

interface Drawn {
  readonly arms: readonly Arm[];
  readonly own: readonly number[];
  readonly controls: readonly Control[];
  /** Samples by boot. */
  readonly samples: readonly (readonly number[])[];
}

function draw(world: BootWorld, effect: number, seed: number, arms: readonly Arm[]): Drawn {
  const { noise, shock = 0, shockLasts = 0, trend = 0, others, hasNightJob = false, spill = 1 } = world;
  const random = seededRandom(seed + 1_000_003);
  const normal = normals(random);
  let common = normal() * shock;
  const shocks = arms.map((_, boot) => {
    common = shockLasts * common + Math.sqrt(1 - shockLasts ** 2) * shock * normal();
    return common + (trend * boot) / arms.length;
  });
  const vm = (ratio: number): number[] =>
    arms.map((arm, boot) =>
      Math.exp((shocks[boot] as number) + noise * normal() + (arm === 'on' ? Math.log(ratio) : 0)),
    );
  const own = vm(effect);
  const controls = Array.from({ length: others }, (_, at): Control => {
    const isJob = hasNightJob && at === 0;
    const values = vm(spill).map((value) => value * (isJob && random() < 0.5 ? 3 : 1));
    return { name: `vm${at}`, means: values.map((value) => ({ value, covered: 1, samples: SAMPLES })) };
  });
  const samples = own.map((value) =>
    Array.from({ length: SAMPLES }, () => value * Math.exp(SAMPLE_NOISE * normal())),
  );
  return { arms, own, controls, samples };
}

/** Restarts in random order; `corrected`: for changes of the other VMs. */
export function byRestarts(
  world: BootWorld,
  effect: number,
  seed: number,
  corrected = true,
): ReturnType<typeof bootEffect>['effect'] {
  const { restarts } = world;
  const { arms } = makeBootSchedule({ restarts, blockMs: 1, settleMs: 0 }, seed);
  const { own, controls } = draw(world, effect, seed, arms);
  const boots = own.map((value, at) => ({
    arm: arms[at] as Arm,
    mean: { value, covered: 1, samples: SAMPLES },
  }));
  return bootEffect(boots, corrected ? controls : []).effect;
}

/** Whether a t-test on samples finds an effect, with as many boots before the change as after it, in that order. */
export function naiveBootsFind(world: BootWorld, effect: number, seed: number): boolean {
  const arms = Array.from(
    { length: world.restarts },
    (_, boot): Arm => (boot < world.restarts / 2 ? 'off' : 'on'),
  );
  const { samples } = draw(world, effect, seed, arms);
  const of = (arm: Arm) => momentsOf(samples.flatMap((each, boot) => (arms[boot] === arm ? each : [])));
  const [off, on] = [of('off'), of('on')];
  return Math.abs(on.mean - off.mean) > 1.96 * Math.sqrt(on.error + off.error);
}

function momentsOf(samples: readonly number[]): { mean: number; error: number } {
  const values = samples.map(Math.log);
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return { mean, error: squares / (values.length - 1) / values.length };
}

export interface BootCalibration {
  readonly found: number;
  readonly covered: number;
  /** Median of high / low. */
  readonly width: number;
}

export function calibrateBoots(
  world: BootWorld,
  effect: number,
  { runs, first = 1, corrected = true }: { runs: number; first?: number; corrected?: boolean },
): BootCalibration {
  let [found, covered] = [0, 0];
  const widths: number[] = [];
  for (let run = 0; run < runs; run++) {
    const result = byRestarts(world, effect, first + run * 7, corrected);
    if (result === undefined) continue;
    if (result.p <= 0.05) found += 1;
    if (result.low <= effect && effect <= result.high) covered += 1;
    widths.push(result.high / result.low);
  }
  widths.sort((one, other) => one - other);
  return { found: found / runs, covered: covered / runs, width: widths[widths.length >> 1] ?? Number.NaN };
}
