import { EFFECT_VERDICTS, type RecordedEffect } from '../../model/drift-record.ts';
import type { TransactionRecord } from '../journal/list.ts';
import { type JournalReport, reportIn } from '../report/read-report.ts';

/**
 * What the last experiment on each VM of a host found, by UUID, whether its settings were kept or undone.
 *
 * @param records newest first.
 */
export function recordedEffects(
  records: readonly TransactionRecord[],
  hostname: string,
): Map<string, RecordedEffect> {
  const effects = new Map<string, RecordedEffect>();
  for (const { header, progress } of records) {
    const report = header.hostname === hostname ? reportIn(progress.measured) : undefined;
    if (report === undefined) continue;
    const effect = effectOf(report, progress.status === 'committed');
    if (effect === undefined) continue;
    for (const { domain } of header.domains) {
      if (!effects.has(domain.uuid)) effects.set(domain.uuid, effect);
    }
  }
  return effects;
}

function effectOf(
  { startedAt, baselineMs, blocks, primary }: JournalReport,
  isKept: boolean,
): RecordedEffect | undefined {
  const { name, judgement, effect } = primary;
  const verdict = EFFECT_VERDICTS.find((each) => each === judgement.verdict);
  const startedAtMs = Date.parse(startedAt);
  if (verdict === undefined || !Number.isFinite(startedAtMs)) return undefined;
  const measuredAtMs = startedAtMs + (blocks.at(-1)?.endMs ?? baselineMs);
  const found = { figure: name, verdict, isKept, measuredAtMs };
  if (effect === undefined || effect.scale === 'difference') return found;
  const { effect: ratio, low, high } = effect;
  // A ratio cannot fall below 0, so this limit excludes nothing.
  const lowest = low === null || low <= 0 ? undefined : low;
  return { ...found, ratio: ratio ?? undefined, low: lowest, high: high ?? undefined };
}
