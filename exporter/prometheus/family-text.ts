import type { HealthMetric } from '../../model/catalogue/metric.ts';
import { type Format, familyHead, labelPairs, number } from './text.ts';

/** One value, or one for each value of the metric's only label. */
export type FamilyValues = number | undefined | Readonly<Record<string, number>>;

/** HELP, TYPE and samples of a metric. Empty if no value is known: a metric without samples is omitted. */
export function familyText(format: Format, metric: HealthMetric, values: FamilyValues): string {
  if (values === undefined) return '';
  const samples =
    typeof values === 'number'
      ? [['', values] as const]
      : Object.entries(values).map(
          ([value, count]) => [`{${labelPairs({ [metric.labels[0] ?? '']: value })}}`, count] as const,
        );
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => `${metric.name}${labels} ${number(value)}\n`);
  return familyHead(format, metric) + lines.join('');
}
