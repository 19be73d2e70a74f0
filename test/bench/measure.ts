import { carryOverP } from '../../tuner/measure/carry-over.ts';
import { smallestEffect } from '../../tuner/measure/power.ts';
import type { Design } from '../../tuner/measure/schedule.ts';
import { type BootWorld, calibrateBoots, naiveBootsFind } from '../tuner/measure/boots/worlds.ts';
import {
  calibrate,
  DESIGN,
  EVERY_MS,
  type GuardedOptions,
  type GuardedRun,
  guarded,
  naiveFinds,
  switchback,
  type World,
} from '../tuner/measure/worlds.ts';
import { table } from './table.ts';

const RUNS = Number(process.env['VIRTUNE_BENCH_RUNS'] ?? 2_000);

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const WORLDS: readonly (readonly [string, World, Partial<Design>?])[] = [
  ['independent noise', { phi: 0, noise: 0.2 }],
  ['AR(1) 0.5', { phi: 0.5, noise: 0.2 }],
  ['AR(1) 0.8', { phi: 0.8, noise: 0.2 }],
  ['AR(1) 0.95', { phi: 0.95, noise: 0.2 }],
  ['AR(1) 0.95, 6 pairs', { phi: 0.95, noise: 0.2 }, { pairs: 6 }],
  ['AR(1) 0.95, 16 pairs', { phi: 0.95, noise: 0.2 }, { pairs: 16 }],
  ['trend of +50 %', { phi: 0.5, noise: 0.2, trend: Math.log(1.5) }],
  ['bursts', { phi: 0.5, noise: 0.2, bursts: 2 }],
  ['0 outside of bursts', { phi: 0.5, noise: 0.2, bursts: 6, mostlyZero: true }],
  ['effect varies by 5 %', { phi: 0.5, noise: 0.2, varies: 0.05 }],
  ['carry-over of 5 s', { phi: 0.5, noise: 0.2, carryOverMs: 5_000 }],
  ['carry-over of 15 s', { phi: 0.5, noise: 0.2, carryOverMs: 15_000 }],
  ['carry-over of 60 s', { phi: 0.5, noise: 0.2, carryOverMs: 60_000 }],
];
const EFFECT = 0.9;

/** Number of runs for the tables after the first. */
const FEWER = Math.ceil(RUNS / 4);

const runs = <T>(of: (seed: number) => T, count = FEWER): T[] =>
  Array.from({ length: count }, (_, run) => of(1 + run * 7));
const shareOf = (flags: readonly boolean[]): string => percent(flags.filter(Boolean).length / flags.length);

function calibration(): string {
  const rows = WORLDS.map(([what, world, change = {}]) => {
    const design = { ...DESIGN, ...change };
    const nothing = calibrate(world, 1, { runs: RUNS, design });
    const effect = calibrate(world, EFFECT, { runs: RUNS, first: 500_000, design });
    return [
      what,
      percent(nothing.found),
      percent(effect.covered),
      percent(effect.found),
      Number.isFinite(effect.width) ? `${((effect.width - 1) * 100).toFixed(0)} %` : 'none',
      shareOf(runs((seed) => naiveFinds(world, 1, seed, design), RUNS)),
    ];
  });
  const head = ['', 'false positives', 'coverage', 'power at -10 %', 'median width', 'naive t-test'];
  return table(head, rows);
}

function powerCurve(): string {
  const effects = [0.98, 0.95, 0.9, 0.85, 0.8, 0.7];
  const rows = [6, 8, 12, 16].flatMap((pairs) =>
    [0, 0.5, 0.95].map((phi) => [
      `${2 * pairs} blocks, AR(1) ${phi}`,
      ...effects.map((effect) =>
        percent(calibrate({ phi, noise: 0.2 }, effect, { runs: FEWER, design: { ...DESIGN, pairs } }).found),
      ),
    ]),
  );
  return table(['', ...effects.map((effect) => `${Math.round((effect - 1) * 100)} %`)], rows);
}

function covariates(): string {
  const world = { phi: 0.5, noise: 0.1, demand: 0.3 };
  const rows = [false, true].map((adjust) => {
    const nothing = calibrate(world, 1, { runs: RUNS, adjust });
    const effect = calibrate(world, EFFECT, { runs: RUNS, first: 500_000, adjust });
    return [
      adjust ? 'adjusted for demand' : 'not adjusted',
      percent(nothing.found),
      percent(effect.covered),
      percent(effect.found),
      `${((effect.width - 1) * 100).toFixed(0)} %`,
    ];
  });
  return table(['', 'false positives', 'coverage', 'power at -10 %', 'median width'], rows);
}

function carryOvers(): string {
  const rows = [0, 5_000, 15_000, 60_000, 300_000].map((carryOverMs) => [
    `${carryOverMs / 1_000} s`,
    ...[0.9, 0.7, 0.5].map((effect) =>
      shareOf(
        runs((seed) => {
          const { samples, schedule } = switchback({ phi: 0.5, noise: 0.2, carryOverMs }, effect, seed);
          return (carryOverP(schedule, 'gauge', samples.figure, EVERY_MS, 1) ?? 1) <= 0.05;
        }),
      ),
    ),
  ]);
  return table(['carry-over', 'effect -10 %', '-30 %', '-50 %'], rows);
}

function guards(): string {
  const worlds: readonly (readonly [string, World])[] = [
    ['independent noise', { phi: 0, noise: 0.2 }],
    ['AR(1) 0.5', { phi: 0.5, noise: 0.2 }],
    ['AR(1) 0.8', { phi: 0.8, noise: 0.2 }],
    ['AR(1) 0.95', { phi: 0.95, noise: 0.2 }],
    ['bursts', { phi: 0.5, noise: 0.2, bursts: 2 }],
  ];
  const rows = worlds.flatMap(([what, world]) =>
    [1, 14, 50].map((vms) => {
      const count = Math.ceil(FEWER / (vms > 14 ? 5 : 1));
      const of = (options: Omit<GuardedOptions, 'vms'>): GuardedRun[] =>
        runs((seed) => guarded(world, { vms, ...options }, seed), count);
      const nothing = of({ ratio: 1 });
      const [own, other] = [0, 1].map((vm) => of({ worse: { vm, ratio: 2 }, ratio: 1.5 }));
      return [
        `${what}, ${vms} ${vms === 1 ? 'VM' : 'VMs'}`,
        percent(nothing.reduce((sum, { watched }) => sum + watched, 0) / count),
        shareOf(nothing.map(stopped)),
        shareOf(of({ ratio: 1.5 }).map(stopped)),
        ...stops(own ?? []),
        ...(vms === 1 ? ['', ''] : stops(other ?? [])),
      ];
    }),
  );
  const head = [
    '',
    'figures with a rule',
    'false alarms, any size',
    'false alarms, 1.5 times',
    'stops this VM 2 times worse',
    'after',
    'stops another VM 2 times worse',
    'after',
  ];
  return table(head, rows);
}

const stopped = ({ afterMs }: GuardedRun): boolean => afterMs !== undefined;

/** How many were stopped, and the median time after the first switch. */
function stops(all: readonly GuardedRun[]): [string, string] {
  const times = all.flatMap(({ afterMs }) => (afterMs === undefined ? [] : [afterMs])).sort((a, b) => a - b);
  const median = times[times.length >> 1];
  return [shareOf(all.map(stopped)), median === undefined ? '' : `${(median / 1_000).toFixed(0)} s`];
}

function detectable(): string {
  const rows = [6, 8, 12, 20, 30, 60].map((pairs) => [
    `${2 * pairs} blocks`,
    ...[0.02, 0.05, 0.1, 0.2].map((spread) => `${((smallestEffect(pairs, spread) - 1) * 100).toFixed(1)} %`),
  ]);
  return table(['spread of pairs', '2 %', '5 %', '10 %', '20 %'], rows);
}

const QUIET: BootWorld = { restarts: 8, noise: 0.05, others: 6 };
const SHOCKED: BootWorld = { ...QUIET, shock: 0.2, shockLasts: 0.7 };
const BOOT_WORLDS: readonly (readonly [string, BootWorld])[] = [
  ['8 restarts, noise alone', QUIET],
  ['8 restarts, shocks of the host', SHOCKED],
  ['8 restarts, shocks, 1 other VM', { ...SHOCKED, others: 1 }],
  ['8 restarts, shocks, no other VM', { ...SHOCKED, others: 0 }],
  ['8 restarts, shocks, a night job', { ...SHOCKED, hasNightJob: true }],
  ['8 restarts, trend of +50 %', { ...QUIET, trend: Math.log(1.5) }],
  ['8 restarts, others change by 5 %', { ...SHOCKED, spill: 1.05 }],
  ['7 restarts, shocks', { ...SHOCKED, restarts: 7 }],
  ['10 restarts, shocks', { ...SHOCKED, restarts: 10 }],
  ['12 restarts, shocks', { ...SHOCKED, restarts: 12 }],
  ['16 restarts, shocks', { ...SHOCKED, restarts: 16 }],
];

function restarts(): string {
  const rows = BOOT_WORLDS.map(([what, world]) => {
    // Without an effect the others do not change either.
    const still = { ...world, spill: 1 };
    const nothing = calibrateBoots(still, 1, { runs: RUNS });
    const effect = calibrateBoots(world, EFFECT, { runs: RUNS, first: 500_000 });
    const plain = calibrateBoots(world, EFFECT, { runs: RUNS, first: 500_000, corrected: false });
    return [
      what,
      percent(nothing.found),
      percent(effect.covered),
      percent(effect.found),
      percent(plain.found),
      Number.isFinite(effect.width) ? `${((effect.width - 1) * 100).toFixed(0)} %` : 'none',
      shareOf(runs((seed) => naiveBootsFind(still, 1, seed), RUNS)),
    ];
  });
  const head = [
    '',
    'false positives',
    'coverage',
    'power at -10 %',
    'without the other VMs',
    'median width',
    'naive before and after',
  ];
  return table(head, rows);
}

/** How the statistics of `tune measure` perform when the truth is known. */
export async function measureEffects(): Promise<string> {
  const sections: readonly (readonly [string, () => string])[] = [
    [
      `Switchback experiments with known truth (${RUNS} runs each; ${FEWER} in the other tables)`,
      calibration,
    ],
    ['Power: share of experiments that find the effect', powerCurve],
    ['Covariates', covariates],
    ['Share of experiments in which carry-over is suspected', carryOvers],
    ['The guard', guards],
    ['Smallest effect found with 80 % probability', detectable],
    [`Restarts (${RUNS} runs each)`, restarts],
  ];
  const parts: string[] = [];
  for (const [title, section] of sections) parts.push(`### ${title}\n\n${section()}`);
  return parts.join('\n\n');
}

if (import.meta.main) console.log(await measureEffects());
