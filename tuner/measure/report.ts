import { type BlockMean, blockMean, type Observation } from './block-means.ts';
import { carryOverP } from './carry-over.ts';
import { type Effect, estimateEffect } from './effect.ts';
import type { Figure } from './figure.ts';
import type { GuardReport } from './guard-watch.ts';
import { holm } from './holm.ts';
import { type Lost, pairUp } from './pairs.ts';
import type { Block, Design } from './schedule.ts';
import { ALPHA, type Criterion, type Judgement, judge } from './verdict.ts';

export interface FigureReport {
  readonly name: string;
  readonly direction: Figure['direction'];
  /** By block; null if it has none. */
  readonly blocks: readonly (number | null)[];
  /** Absent if no pair is complete. */
  readonly effect?: Effect | undefined;
  /** Of secondary figures adjusted for their number (Holm); of the primary one unadjusted. */
  readonly p: number;
  readonly judgement: Judgement;
  readonly lost: readonly Lost[];
  /** Whether the effect still grows or fades within blocks: the settle time was too short. */
  readonly carryOver: boolean;
}

/** The result of any experiment, by its design and its report on a figure. */
export interface ReportOf<D, F> {
  readonly format: 1;
  /** Wall clock at the start of the baseline, ISO 8601. */
  readonly startedAt: string;
  readonly baselineMs: number;
  readonly seed: number;
  readonly design: D;
  /** As they were run; times are milliseconds since `startedAt`. */
  readonly blocks: readonly Block[];
  /** Why it ended early; absent if it did not. */
  readonly ended?: string | undefined;
  /** The smallest ratio above 1 that matters. */
  readonly margin: number;
  /** Absent if it ended within the baseline. */
  readonly guard?: GuardReport | undefined;
  readonly primary: F;
  readonly secondary: readonly F[];
  /** Figures of the other VMs, which only guard. */
  readonly others: readonly OtherReport[];
}

/** What an experiment found. Plain data for a journal; JSON writes an infinite limit as null. */
export type Report = ReportOf<Design, FigureReport>;

export interface OtherReport {
  readonly name: string;
  /** By block; null if it has none. */
  readonly blocks: readonly (number | null)[];
}

/** The input of a report: the parts that are known, and the series of each figure. */
export interface MeasuredOf<R extends ReportOf<unknown, unknown>>
  extends Pick<R, 'startedAt' | 'baselineMs' | 'seed' | 'design' | 'blocks' | 'ended' | 'guard'> {
  readonly everyMs: number;
  readonly series: (name: string) => readonly Observation[];
}

export type Measured = MeasuredOf<Report>;

export interface Question {
  /** Named before the start: it decides. */
  readonly primary: Figure;
  readonly secondary: readonly Figure[];
  /** Also declared before the start; what the setting does not change, such as the demand of other VMs. */
  readonly covariates: readonly Figure[];
  /** Figures of the other VMs: guarded only, and not part of the result. */
  readonly guards: readonly Figure[];
  readonly criterion: Omit<Criterion, 'direction'>;
}

/** Analyses an experiment, complete or not. */
export function reportOn(
  { primary, secondary, covariates, guards, criterion }: Question,
  measured: Measured,
): Report {
  const { everyMs, series, ...run } = measured;
  const { seed, blocks } = run;
  const meansOf = ({ name, kind }: Figure): BlockMean[] =>
    blocks.map(({ measureMs, endMs }) =>
      blockMean(kind, series(name), { fromMs: measureMs, toMs: endMs }, everyMs),
    );
  const options = { alpha: ALPHA, seed, covariates: covariates.map(({ name }) => name) };
  const beside = covariates.map(meansOf);
  const effectOf = (figure: Figure): Found => {
    const means = meansOf(figure);
    const { pairs, lost } = pairUp({ blocks }, means, beside);
    return { figure, means, lost, effect: estimateEffect(pairs, options) };
  };
  const describe = ({ figure, means, lost, effect }: Found, p = effect?.p ?? 1): FigureReport => ({
    name: figure.name,
    direction: figure.direction,
    blocks: means.map(valueOrNull),
    effect,
    p,
    judgement: judge(effect, { ...criterion, direction: figure.direction }, p),
    lost,
    carryOver: (carryOverP({ blocks }, figure.kind, series(figure.name), everyMs, seed) ?? 1) <= ALPHA,
  });
  const others = secondary.map(effectOf);
  const adjusted = holm(others.map(({ effect }) => effect?.p ?? 1));
  return {
    format: 1,
    ...run,
    margin: criterion.margin,
    primary: describe(effectOf(primary)),
    secondary: others.map((other, at) => describe(other, adjusted[at])),
    others: guards.map((figure) => ({ name: figure.name, blocks: meansOf(figure).map(valueOrNull) })),
  };
}

const valueOrNull = (mean: BlockMean): number | null => ('missing' in mean ? null : mean.value);

interface Found {
  readonly figure: Figure;
  readonly means: readonly BlockMean[];
  readonly lost: readonly Lost[];
  readonly effect: Effect | undefined;
}
