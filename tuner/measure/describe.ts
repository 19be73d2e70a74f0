import type { FigureReport } from './report.ts';

/** `-12.3 %`: a ratio as a change. */
export function percentOf(ratio: number): string {
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
