import { z } from 'zod';
import { describeUnwatched } from './describe-guard.ts';
import type { Interval } from './reassignments.ts';
import type { FigureReport, Report } from './report.ts';

/** `-12.3 %`: a ratio as a change. */
export function percentOf(ratio: number): string {
  const change = (ratio - 1) * 100;
  return `${change < 0 ? '-' : '+'}${Math.abs(change).toFixed(1)} %`;
}

/** A lower limit of 0 excludes nothing either: the figure cannot fall below 0. */
export function intervalText({ low, high }: Interval): string {
  const [hasLow, hasHigh] = [low > 0, Number.isFinite(high)];
  if (!hasLow && !hasHigh) return '95 % interval without limits';
  if (!hasHigh) return `95 % interval from ${percentOf(low)}, no upper limit`;
  if (!hasLow) return `95 % interval up to ${percentOf(high)}, no lower limit`;
  return `95 % interval ${percentOf(low)} to ${percentOf(high)}`;
}

/** `better: latency -12.3 % (95 % interval -15.0 % to -9.1 %)`; or why it cannot be decided. */
export function describeFigure({ name, effect, judgement }: FigureReport, pairMs?: number): string {
  const { verdict, reason, within, pairsNeeded } = judgement;
  if (effect === undefined || reason !== undefined) return `${verdict}: ${name}: ${reason}`;
  const change = Number.isFinite(effect.effect) ? percentOf(effect.effect) : 'up from 0';
  const found = `${name} ${change} (${intervalText(effect)})`;
  if (verdict === 'no difference') {
    return `no difference larger than ${percentOf(within).replace('+', '')}: ${found}`;
  }
  if (verdict !== 'inconclusive' || pairsNeeded === undefined) return `${verdict}: ${found}`;
  const time = pairMs === undefined ? '' : `, ${Math.ceil((pairsNeeded * pairMs) / 60_000)} min`;
  return `${verdict}: ${found}; about ${2 * pairsNeeded} blocks${time} would decide it`;
}

/** A report in lines, the deciding figure first. */
export function describeReport({ design, ended, guard, primary, secondary }: Report): string[] {
  const { blockMs, settleMs, pairs } = design;
  const pairMs = 2 * (blockMs + settleMs);
  const figures = secondary.filter(({ effect }) => effect !== undefined);
  const warnings = [primary, ...figures].flatMap(({ name, carryOver, effect }) => [
    ...(carryOver
      ? [
          `${name} still changes within blocks: the time to settle is too short, and the interval may be wrong`,
        ]
      : []),
    ...(effect?.moved ?? []).map(
      (covariate) => `${covariate} differs with the settings, so the interval of ${name} is wider`,
    ),
  ]);
  return [
    ...(ended === undefined ? [] : [`ended early: ${ended}`]),
    describeFigure(primary, pairMs),
    ...(primary.lost.length === 0
      ? []
      : [
          `${primary.lost.length} of ${pairs} pairs of blocks are lost: ${primary.lost.map(({ pair, reason }) => `${pair + 1}, ${reason}`).join('; ')}`,
        ]),
    ...figures.map(
      (figure) => `also ${describeFigure(figure)}, p ${figure.p.toPrecision(2)} among ${secondary.length}`,
    ),
    ...warnings,
    ...(guard === undefined ? [] : describeUnwatched(guard)),
  ];
}

const MEASURED = z.object({
  text: z.array(z.string()),
  primary: z.object({ judgement: z.object({ verdict: z.string() }) }),
});

/** Parts of a journalled report; undefined without an experiment, or if a newer virtune wrote it. */
export function readMeasured(
  measured: unknown,
): { readonly verdict: string; readonly text: readonly string[] } | undefined {
  const { success, data } = MEASURED.safeParse(measured);
  return success ? { verdict: data.primary.judgement.verdict, text: data.text } : undefined;
}
