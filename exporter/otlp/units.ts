/**
 * UCUM units by the unit's word in the metric name; the first match counts. A unit is set only if the name contains it:
 * receivers that append the unit, such as Prometheus, then leave the name unchanged.
 * https://opentelemetry.io/docs/specs/semconv/general/metrics/#units
 */
const UNITS: readonly (readonly [word: RegExp, unit: string])[] = [
  [/_bytes_per_second(_|$)/, 'By/s'],
  [/_seconds(_total)?$/, 's'],
  [/_bytes(_total)?$/, 'By'],
  [/_ratio$/, '1'],
  [/_percent$/, '%'],
  [/_joules(_total)?$/, 'J'],
];

/** The unit of a catalogue metric; empty if its name has none. */
export function unitOf(name: string): string {
  return UNITS.find(([word]) => word.test(name))?.[1] ?? '';
}
