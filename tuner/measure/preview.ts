import { formatSeconds } from '../../model/duration.ts';
import { textTable } from '../text-table.ts';
import { type Baseline, measureBaseline } from './baseline.ts';
import { checkBaseline } from './check-baseline.ts';
import { describeUnwatched } from './describe-guard.ts';
import type { Experiment } from './experiment.ts';
import { type GuardReport, GuardWatch } from './guard-watch.ts';
import { pairsFor } from './power.ts';
import { type Clock, IN_BASELINE, Recorder } from './recorder.ts';
import type { Schedule } from './schedule.ts';

/** What an experiment could show, from a baseline alone. */
export interface Preview {
  /** Of the deciding figure, or why there is none. */
  readonly baseline: Baseline | { readonly missing: string };
  /** Blocks that would find a change of the margin with 80 % probability; undefined if no sensible number does. */
  readonly blocksForMargin: number | undefined;
  readonly guard: GuardReport;
}

/**
 * Measures only the baseline of an experiment; nothing is switched.
 *
 * @throws TunerError TUNE_MEASURE if the experiment would end after its baseline.
 */
export async function previewOf(experiment: Experiment, clock: Clock): Promise<Preview> {
  const { sample, everyMs, baselineMs, primary, secondary, guards, schedule, criterion } = experiment;
  const recorder = new Recorder(sample, everyMs, clock);
  await recorder.until(baselineMs, { figure: primary.name, during: IN_BASELINE });
  checkBaseline(primary, recorder);
  const series = (name: string) => recorder.series(name);
  const baseline = measureBaseline(primary.kind, series(primary.name), everyMs, schedule);
  const pairs = 'missing' in baseline ? undefined : pairsFor(criterion.margin, baseline.pairSpread);
  const figures = [primary, ...secondary, ...guards];
  return {
    baseline,
    blocksForMargin: pairs === undefined ? undefined : 2 * pairs,
    guard: new GuardWatch(figures, series, everyMs, recorder.nowMs(), schedule).report,
  };
}

/** Times of the pairs from the start of the baseline; which block of a pair has the settings is drawn at the start. */
export function describeSchedule({ pairs, blocks, settleMs }: Schedule, baselineMs: number): string[] {
  const at = (ms: number): string => formatSeconds((baselineMs + ms) / 1_000);
  const rows = Array.from({ length: pairs }, (_, pair) => {
    const times = blocks
      .filter((block) => block.pair === pair)
      .map(({ startMs, endMs }) => `${at(startMs)} to ${at(endMs)}`);
    return [String(pair + 1), ...times];
  });
  return [
    ...textTable(['pair', 'one block', 'the other'], rows),
    `The first ${formatSeconds(settleMs / 1_000)} of each block are excluded. Which block of a pair has the settings is drawn at random.`,
  ];
}

/** The smallest detectable change, how long finding the margin would take, and what has no guard. */
export function describePreview(
  { baseline, blocksForMargin, guard }: Preview,
  { primary, schedule, criterion }: Pick<Experiment, 'primary' | 'schedule' | 'criterion'>,
): string[] {
  return [
    ...('missing' in baseline
      ? [`The smallest detectable change is unknown: ${primary.name}: ${baseline.missing}`]
      : describeEffect(baseline, primary.name, criterion.margin, blocksForMargin, schedule)),
    ...describeUnwatched(guard),
  ];
}

function describeEffect(
  { level, smallestEffect, basis }: Baseline,
  name: string,
  margin: number,
  blocksForMargin: number | undefined,
  { pairs, blockMs, settleMs }: Schedule,
): string[] {
  const percent = (ratio: number): string => `${((ratio - 1) * 100).toFixed(1)} %`;
  const found = `${name} is ${Number(level.toPrecision(3))}; ${2 * pairs} blocks detect a change of ${percent(smallestEffect)} with 80 % probability, if the load stays like this`;
  const modelled =
    basis === 'modelled'
      ? ['This is computed from single samples and misses slow changes: use a longer --baseline.']
      : [];
  if (smallestEffect <= margin) return [found, ...modelled];
  const needed =
    blocksForMargin === undefined
      ? `no number of blocks detects a change of ${percent(margin)}`
      : `detecting ${percent(margin)} takes ${blocksForMargin} blocks, ${formatSeconds(Math.ceil((blocksForMargin * (blockMs + settleMs)) / 1_000))}`;
  return [`${found}; ${needed}`, ...modelled];
}
