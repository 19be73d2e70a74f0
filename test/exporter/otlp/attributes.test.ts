import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ATTRIBUTES, type PointLabels } from '../../../exporter/otlp/attributes.ts';

const labelled = (pairs: readonly (readonly [string, string])[]): PointLabels =>
  pairs.reduce((labels, [name, value]) => ATTRIBUTES.with(labels, name, value), ATTRIBUTES.none);

/** Text that could make one label look like two. */
const text = fc.string({ unit: fc.constantFrom('a', '=', ',', ':', '1', '2'), maxLength: 6 });
const pairs = fc.uniqueArray(fc.tuple(fc.constantFrom('domain', 'vcpu'), text), {
  selector: ([name]) => name,
  maxLength: 2,
});

test('two series never share a key, whatever the name of a VM', () => {
  fc.assert(
    fc.property(pairs, pairs, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      expect(labelled(one).key === labelled(other).key).toBe(isSame);
    }),
    { numRuns: 2_000 },
  );
  expect(labelled([['domain', 'a,vcpu=1']]).key).not.toBe(
    labelled([
      ['domain', 'a'],
      ['vcpu', '1'],
    ]).key,
  );
  expect(labelled([['domain', '1:a,vcpu=1:1']]).key).not.toBe(
    labelled([
      ['domain', 'a'],
      ['vcpu', '1'],
    ]).key,
  );
});
