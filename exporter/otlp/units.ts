/**
 * Units in UCUM by the unit's word in the name, in the order in which they count. A unit is only given where its word is
 * in the name: receivers that append one, such as Prometheus, then leave the name as it is.
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

/** Of a metric of the catalogue; empty where the name has none. */
export function unitOf(name: string): string {
  return UNITS.find(([word]) => word.test(name))?.[1] ?? '';
}
