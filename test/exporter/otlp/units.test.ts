import { expect, test } from 'vitest';
import { unitOf } from '../../../exporter/otlp/units.ts';
import { catalogue, groups } from '../../../model/catalogue/catalogue.ts';

/** Words that Prometheus appends for a unit unless they are in the name (otlptranslator, unit_labeler.go). */
const WORDS: Readonly<Record<string, string>> = {
  s: 'seconds',
  By: 'bytes',
  'By/s': 'bytes',
  '1': 'ratio',
  '%': 'percent',
  J: 'joules',
};

test('a unit is only given where its word is in the name, so that no receiver renames a series', () => {
  for (const { name } of catalogue) {
    const unit = unitOf(name);
    if (unit !== '') expect(name.split('_'), name).toContain(WORDS[unit]);
  }
});

test('every figure whose name ends with a unit has it', () => {
  const without = groups
    .flatMap(({ metrics }) => metrics.map(({ name }) => name))
    .filter(
      (name) => /(seconds|bytes|ratio|percent|joules|per_second)(_total)?$/.test(name) && unitOf(name) === '',
    );
  expect(without).toEqual([]);
});

test('a name with the word for a ratio has it last: Prometheus moves it there', () => {
  for (const { name } of catalogue) if (name.split('_').includes('ratio')) expect(name).toMatch(/_ratio$/);
});
