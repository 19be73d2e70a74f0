import type { AdviceKind } from '../../advice/advice.ts';
import { adviceFor, makeCase, type Score, score, startCase } from '../advice/scenarios/case.ts';
import { FAULTS } from '../advice/scenarios/faults.ts';
import { type Effect, effectsOf } from '../advice/scenarios/harm.ts';
import { fixed, median, table } from './table.ts';

/** Hosts per kind, each from a different seed; as many clean hosts. */
const SEEDS = Number(process.env['VIRTUNE_ADVICE_SEEDS'] ?? 40);
const LOSS_MAX = 0.05;

interface Row extends Score {
  readonly kind: AdviceKind;
  readonly effects: Effect[];
}

/** Advice on hosts with known faults: what it finds, what it reports wrongly, and how its changes affect others. */
export async function advice(): Promise<string> {
  const scores = new Map<AdviceKind, Score>();
  const effects = new Map<AdviceKind, Effect[]>();
  const wrong: string[] = [];
  let clean = 0;
  for (const kind of [undefined, ...FAULTS.map((fault) => fault.kind)]) {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { truths, found, seconds } = await observed(kind, seed);
      const mistakes = score(truths, found, scores);
      wrong.push(...mistakes.map((text) => `${kind ?? 'clean'}, seed ${seed}: ${text}`));
      if (kind === undefined) {
        if (found.length === 0) clean++;
        continue;
      }
      const its = found.filter((each) => each.kind === kind);
      const known = effects.get(kind) ?? [];
      known.push(...(await effectsOf(() => makeCase(kind, seed), its, seconds)));
      effects.set(kind, known);
    }
    console.error(`bench: ${kind ?? 'clean hosts'} done`);
  }
  const rows = FAULTS.map(
    ({ kind }): Row => ({
      ...(scores.get(kind) ?? { hits: 0, misses: 0, falseAlarms: 0 }),
      kind,
      effects: effects.get(kind) ?? [],
    }),
  );
  const harmful = rows.flatMap(({ effects: its }) =>
    its.filter(({ worstLoss }) => worstLoss.share > LOSS_MAX),
  );
  return [
    `## Advice on hosts with known faults (${SEEDS} per kind)`,
    '',
    table(
      ['kind', 'faults', 'recall', 'precision', 'changes made', 'worst loss of others'],
      rows.map(({ kind, hits, misses, falseAlarms, effects: its }) => [
        kind,
        String(hits + misses),
        percent(hits, hits + misses),
        percent(hits, hits + falseAlarms),
        String(its.length),
        its.length === 0 ? '-' : `${fixed(100 * Math.max(...its.map(({ worstLoss }) => worstLoss.share)))} %`,
      ]),
    ),
    '',
    `Clean hosts: ${clean} of ${SEEDS} without advice. Harmful changes: ${harmful.length}.`,
    ...wrong.map((text) => `- ${text}`),
    '',
    '### What the changes do to those that suffer',
    '',
    table(['kind', 'figure', 'without', 'with'], rows.flatMap(reliefRows)),
  ].join('\n');
}

async function observed(kind: AdviceKind | undefined, seed: number) {
  const { truths } = makeCase(kind, seed);
  const world = await startCase(makeCase(kind, seed));
  const { nowMs } = world;
  try {
    const found = await adviceFor(world);
    return { truths, found, seconds: (world.nowMs - nowMs) / 1_000 };
  } finally {
    await world.stop();
  }
}

/** Median over the hosts for the first change of each advice. */
function reliefRows({ kind, effects }: Row): string[][] {
  const first = effects.filter(({ advice: { remedies }, remedy }) => remedies[0] === remedy);
  const row = (
    figure: string,
    read: (done: Effect['victims']['with']) => number,
    digits: number,
  ): string[][] => {
    const without = median(first.map(({ victims }) => read(victims.without)));
    const changed = median(first.map(({ victims }) => read(victims.with)));
    return without > 0 && Math.abs(without - changed) > 0.05 * without
      ? [[kind, figure, fixed(without, digits), fixed(changed, digits)]]
      : [];
  };
  return [
    ...row('CPU delay, s per minute', ({ delayNs }) => delayNs / 1e9, 1),
    ...row('request latency, ms', ({ latencyMs }) => latencyMs, 2),
    ...row('swap-in, MiB per minute', ({ swapInKiB }) => swapInKiB / 1_024, 1),
  ];
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${fixed((100 * part) / whole)} %`;
