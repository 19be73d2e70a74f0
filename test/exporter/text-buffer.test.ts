import fc from 'fast-check';
import { expect, test } from 'vitest';
import { number } from '../../exporter/prometheus/text.ts';
import { TextBuffer } from '../../exporter/prometheus/text-buffer.ts';

const name = fc.stringMatching(/^[a-z_:]{1,60}$/);
const labels = fc.oneof(fc.constant(''), fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }));
/** Near powers of ten and the limits of exact integers, where digits are written without a string. */
const edges = fc
  .tuple(fc.integer({ min: 0, max: 17 }), fc.integer({ min: -2, max: 2 }), fc.constantFrom(1, -1))
  .map(([digits, by, sign]) => sign * (10 ** digits + by));
const value = fc.oneof(
  fc.double(),
  fc.maxSafeNat(),
  fc.nat(),
  edges,
  fc.constantFrom(0, -0, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 1e21, 1e-7, -5e-324),
);

test('series have the bytes that their text has, whatever name, labels and value are', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, labels, value), { maxLength: 20 }), (all) => {
      const text = new TextBuffer(Buffer.alloc(8));
      for (const each of all) text.series(Buffer.from(each[0]), each[1], each[2]);
      const lines = all.map(([of, own, found]) => `${of}${own === '' ? '' : `{${own}}`} ${number(found)}\n`);
      // Compared as bytes: a lone surrogate changes when it is decoded.
      expect(text.bytes()).toEqual(Buffer.from(lines.join('')));
    }),
    { numRuns: 2_000 },
  );
});

test('memory that was used before is used again, and holds nothing of the text before', () => {
  const first = new TextBuffer();
  first.append('a long text that was there before');
  const second = new TextBuffer(first.memory);
  second.series(Buffer.from('up'), '', 1);
  second.appendBytes(Buffer.from('# HELP\n'));
  expect(second.bytes().toString()).toBe('up 1\n# HELP\n');
  expect(second.memory).toBe(first.memory);
});
