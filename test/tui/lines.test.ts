import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bar, gauge, heat } from '../../tui/render/bar.ts';
import { overlaid } from '../../tui/render/overlay.ts';
import { wrapped } from '../../tui/render/wrap.ts';
import { fitLine, plain, span, spread, widthOfLine } from '../../tui/text/line.ts';
import { reduced, styleOf, themes } from '../../tui/text/theme.ts';

test('a line is cut or filled to its width, wide characters whole', () => {
  expect(plain(fitLine([span('ab'), span('漢字')], 6))).toBe('ab漢字');
  expect(plain(fitLine([span('ab'), span('漢字')], 5))).toBe('ab漢~');
  expect(plain(fitLine([span('ab'), span('漢字')], 4))).toBe('ab~');
  expect(widthOfLine(fitLine([span('ab'), span('漢字')], 4))).toBe(4);
  expect(widthOfLine(fitLine([], 7))).toBe(7);
});

test('a figure that is cut has a mark, also where the cut is between two pieces, and spaces need none', () => {
  expect(plain(fitLine([span('on CPU 12')], 8))).toBe('on CPU ~');
  expect(plain(fitLine([span('pinned to 0-1'), span('5,32-47')], 13))).toBe('pinned to 0-~');
  expect(plain(fitLine([span('on CPU 12  '), span('   ')], 9))).toBe('on CPU 12');
  // Right-to-left text keeps the character that ends it.
  expect(fitLine([span('שרת\u200e'), span(' 1')], 3)).toEqual([span('שר~\u200e')]);
});

test('whatever a line is made of, it is whole or ends in a mark', () => {
  const piece = fc.stringMatching(/^[ a1漢]{0,6}$/).map((text) => span(text));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.integer({ min: 1, max: 20 }), (line, width) => {
      const fitted = fitLine(line, width);
      expect(widthOfLine(fitted)).toBe(width);
      if (plain(fitted) !== plain(line)) expect(plain(fitted)).toMatch(/~$/);
    }),
  );
});

test('of two ends the left one gives way', () => {
  expect(plain(spread([span('left')], [span('right')], 12))).toBe('left   right');
  expect(plain(spread([span('much too long')], [span('right')], 10))).toBe('much~right');
});

test('a box lies over the middle and leaves the rest, also of a wide character that it cuts', () => {
  const under = Array.from({ length: 3 }, () => [span('漢漢漢漢')]);
  const lines = overlaid(under, [[span('XX')]], { width: 8, height: 3 });
  expect(lines.map(plain)).toEqual(['漢漢漢漢', '漢 XX 漢', '漢漢漢漢']);
});

test('a bar is as long as its parts together, and never longer than itself', () => {
  expect(
    plain(
      bar(
        [
          { share: 0.5, role: 'bar1', glyph: '|' },
          { share: 0.25, role: 'bar2', glyph: '+' },
        ],
        10,
      ),
    ),
  ).toBe('[||||++  ]');
  expect(plain(gauge(7, 6))).toBe('[||||]');
  expect(plain(gauge(Number.NaN, 6))).toBe('[    ]');
  expect(plain(gauge(1, 6))).not.toBe(plain(gauge(0.5, 6)));
});

test('how busy a CPU is has six colours', () => {
  expect([0, 0.1, 0.3, 0.6, 0.8, 1].map(heat)).toEqual([
    'heat0',
    'heat1',
    'heat2',
    'heat3',
    'heat4',
    'heat5',
  ]);
});

test('text is broken at spaces', () => {
  expect(wrapped('one two three four', 9)).toEqual(['one two', 'three', 'four']);
});

test('a terminal with few colours gets the nearest, one without gets none', () => {
  expect(reduced(208, 256)).toBe(208);
  expect(reduced(208, 8)).toBe(3);
  expect(reduced(15, 8)).toBe(7);
  // Grey on eight colours would be black on black.
  expect(reduced(8, 8)).toBeUndefined();
  expect(reduced(1, 0)).toBeUndefined();
});

test('without colours, what is bad and what is chosen still stand out', () => {
  for (const theme of Object.values(themes)) {
    expect(styleOf(theme, 'bad', undefined)).not.toEqual(styleOf(theme, 'text', undefined));
    expect(styleOf(theme, 'text', 'selected')).not.toEqual(styleOf(theme, 'text', undefined));
  }
  expect(Object.values(themes.mono).some((style) => 'fg' in style || 'bg' in style)).toBe(false);
});
