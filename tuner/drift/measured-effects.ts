import { isRequested, type TransactionRecord } from '../journal/list.ts';
import { HOST_FIGURES, type HostFigure } from '../measure/host-figures.ts';
import { mean } from '../measure/moments.ts';
import { seededRandom } from '../measure/random.ts';
import { armsOf } from '../report/chart-arms.ts';
import { reportIn } from '../report/read-report.ts';
import type { StepDomain } from '../steps/step.ts';

/** The result of an experiment on a VM whose settings were kept because they made it better. */
export interface MeasuredEffect {
  readonly transaction: string;
  readonly domain: StepDomain;
  /** The deciding figure. Undefined if it is not one of libvirt's, so that it cannot be measured here. */
  readonly figure: HostFigure | undefined;
  readonly name: string;
  /** Means of its complete pairs of blocks, or of its boots, without the settings and with them. */
  readonly off: readonly number[];
  readonly on: readonly number[];
  readonly blockMs: number;
}

/** The figure now, compared with the experiment. */
export interface EffectNow {
  /** Mean of the blocks that were measured now. */
  readonly level: number;
  /** Share of the effect that is left: 1 at the level with the settings, 0 at the one without. */
  readonly left: number;
  /** Of the hypothesis that the blocks now are like those with the settings, against worse ones. */
  readonly p: number;
  /** Less than half is left, and p is at most 5 %. */
  readonly isFaded: boolean;
}

/** Fewer blocks prove too little: against six of an experiment, four give p-values from 0.5 %. */
export const FEWEST_BLOCKS = 4;
const DRAWS = 19_999;
const ALPHA = 0.05;

/**
 * The experiments whose settings are in place on that host: for each VM the newest committed transaction, if its
 * verdict was `better`.
 *
 * @param records newest first.
 */
export function measuredEffects(records: readonly TransactionRecord[], hostname: string): MeasuredEffect[] {
  const newest = new Map<string, { record: TransactionRecord; domain: StepDomain }>();
  for (const record of records) {
    const { header, progress } = record;
    // A restore only reapplies what the experiment kept.
    if (header.hostname !== hostname || progress.status !== 'committed' || !isRequested(record)) continue;
    for (const { domain } of header.domains) {
      if (!newest.has(domain.uuid)) newest.set(domain.uuid, { record, domain });
    }
  }
  return [...newest.values()].flatMap(({ record, domain }) => {
    const report = reportIn(record.progress.measured);
    if (report?.primary.judgement.verdict !== 'better') return [];
    const { name, blocks } = report.primary;
    return [
      {
        transaction: record.id,
        domain,
        figure: HOST_FIGURES.find((figure) => figure.name === name),
        name,
        ...armsOf(report, blocks),
        blockMs: report.design.blockMs,
      },
    ];
  });
}

/**
 * Compares current blocks with those of the experiment by a permutation test. This is not an experiment: nothing was
 * switched, so a load that has changed since looks the same.
 *
 * @param now means of blocks of the same length, at least `FEWEST_BLOCKS`.
 */
export function compareEffect(
  { on, off }: Pick<MeasuredEffect, 'on' | 'off'>,
  now: readonly number[],
): EffectNow {
  const [without, with_, level] = [mean(off), mean(on), mean(now)];
  const left = (without - level) / (without - with_);
  const sign = Math.sign(without - with_);
  const p = permutationP(
    now.map((value) => sign * value),
    on.map((value) => sign * value),
  );
  return { level, left, p, isFaded: left < 0.5 && p <= ALPHA };
}

/** One-sided p-value for `first` being larger than `second`. The draws are the same each time. */
function permutationP(first: readonly number[], second: readonly number[]): number {
  const all = [...first, ...second];
  const found = mean(first);
  const near = 1e-12 * Math.max(...all.map(Math.abs));
  const random = seededRandom(1);
  let asLarge = 1;
  for (let draw = 0; draw < DRAWS; draw++) {
    for (let at = 0; at < first.length; at++) {
      const other = at + Math.floor(random() * (all.length - at));
      [all[at], all[other]] = [all[other] as number, all[at] as number];
    }
    if (mean(all.slice(0, first.length)) >= found - near) asLarge += 1;
  }
  return asLarge / (DRAWS + 1);
}
