import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellsOf, fit, widthOf } from '../../tui/text/cells.ts';
import { displayable } from '../../tui/text/displayable.ts';
import { HOSTILE_NAMES } from './hostile-names.ts';

/** Characters that a terminal might obey, except the mark that ends right-to-left text, written on purpose. */
const COMMANDING = /[\p{Cc}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]|(?!\u200e)\p{Cf}/u;

test.each(HOSTILE_NAMES)('%j is shown without anything that a terminal obeys', (name) => {
  expect(displayable(name)).not.toMatch(COMMANDING);
  expect(displayable(name, true)).toMatch(/^[ -~]*$/);
});

test('whatever the text is, nothing in it commands the terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(displayable(text)).not.toMatch(COMMANDING);
      expect(displayable(text, true)).toMatch(/^[ -~]*$/);
    }),
  );
});

test('names that look alike are distinguished', () => {
  const names = ['web', 'we\u200bb', 'web\u200d', '\u202eweb', 'web\u00a0', 'web '];
  expect(new Set(names.map((name) => displayable(name))).size).toBe(names.length);
});

test('marks are kept as far as scripts need them, and do not stack up', () => {
  expect(displayable('e\u0301')).toBe('e\u0301');
  expect(displayable('e\u0301\u0301\u0301')).toBe('e\u0301\u0301\\u{301}');
  expect(displayable('\u0301x')).toBe('\\u{301}x');
});

test('a right-to-left name ends with a mark, cut or whole, so that what follows stays where it is', () => {
  const name = displayable('שרת בסיס נתונים');
  expect(name.endsWith('\u200e')).toBe(true);
  expect(fit(name, 8).trimEnd().endsWith('\u200e')).toBe(true);
});

test('any text is fitted to exactly the places it is given', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
      (text, width, right) => {
        expect(widthOf(fit(displayable(text), width, right ? 'right' : 'left'))).toBe(width);
      },
    ),
  );
});

test('wide characters take two places, and one that does not fit whole is left out', () => {
  expect(cellsOf('漢a').map((cell) => cell.width)).toEqual([2, 1]);
  expect(fit('漢漢漢', 4)).toBe('漢~ ');
  expect(fit('abc', 5, 'right')).toBe('  abc');
});
