import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from '../../model/glob.ts';

test.each([
  ['db*', 'db01', true],
  ['db*', 'db', true],
  ['db*', 'adb', false],
  ['*db*', 'my-db-1', true],
  ['db0?', 'db01', true],
  ['db0?', 'db012', false],
  ['*', '', true],
  ['', 'x', false],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
  ['*a*b*c*', 'xxaxxbxxcxx', true],
  ['*a*b*c', 'xxaxxbxxcxx', false],
  ['?', '😀', true],
])('%j and %j: %s', (pattern, text, matches) => {
  expect(matchesGlob(pattern, text)).toBe(matches);
});

test('a glob is what the regular expression of the same meaning is', () => {
  const letter = fc.constantFrom('a', 'b', '.');
  const pattern = fc
    .array(fc.oneof(letter, fc.constantFrom('*', '?')), { maxLength: 8 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(pattern, fc.array(letter, { maxLength: 12 }), (glob, letters) => {
      const source = glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      expect(matchesGlob(glob, letters.join(''))).toBe(new RegExp(`^${source}$`).test(letters.join('')));
    }),
    { numRuns: 2_000 },
  );
});

test('many stars on a long name do not take forever', () => {
  expect(matchesGlob('*a'.repeat(500), 'a'.repeat(20_000).concat('b'))).toBe(false);
});
