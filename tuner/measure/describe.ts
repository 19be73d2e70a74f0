import { z } from 'zod';
import type { FigureReport, Report } from './report.ts';

/** `-12.3 %`: a ratio as a change. */
function percentOf(ratio: number): string {
  if (!Number.isFinite(ratio)) return 'without limit';
  const change = (ratio - 1) * 100;
  return `${change < 0 ? '-' : '+'}${Math.abs(change).toFixed(1)} %`;
}

/** `better: latency -12.3 % (95 % interval -15.0 % to -9.1 %)`; or why it cannot be decided. */
export function describeFigure({ name, effect, judgement }: FigureReport, pairMs?: number): string {
  const { verdict, reason, within, pairsNeeded } = judgement;
  if (effect === undefined || reason !== undefined) return `${verdict}: ${name}: ${reason}`;
  const isDifference = effect.scale === 'difference';
  const amount = (value: number): string =>
    isDifference ? String(Number(value.toPrecision(3))) : percentOf(value);
  const interval = `95 % interval ${amount(effect.low)} to ${amount(effect.high)}`;
  const found = `${name} ${amount(effect.effect)} (${interval})`;
  if (verdict === 'no difference') {
    return `no difference larger than ${amount(within).replace('+', '')}: ${found}`;
  }
  if (verdict !== 'inconclusive' || pairsNeeded === undefined) return `${verdict}: ${found}`;
  const time = pairMs === undefined ? '' : `, ${Math.ceil((pairsNeeded * pairMs) / 60_000)} min`;
  return `${verdict}: ${found}; about ${2 * pairsNeeded} blocks${time} would decide it`;
}

/** A report in lines, the figure that decides first. */
export function describeReport({ design, ended, primary, secondary }: Report): string[] {
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
  ];
}

const MEASURED = z.object({
  text: z.array(z.string()),
  primary: z.object({ judgement: z.object({ verdict: z.string() }) }),
});

/** What a journal has of a report; undefined where there was no experiment, or a newer virtune wrote it. */
export function readMeasured(
  measured: unknown,
): { readonly verdict: string; readonly text: readonly string[] } | undefined {
  const { success, data } = MEASURED.safeParse(measured);
  return success ? { verdict: data.primary.judgement.verdict, text: data.text } : undefined;
}
