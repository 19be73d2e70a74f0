import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText } from '../../model/json-text.ts';

const HOSTILE = 'a\u009b31mb\u007fc\u202ed\u2066e\u2028f\u001bg';

/** By Unicode code point: control characters, separators, and characters that change the direction of text. */
function isUnsafe(char: string): boolean {
  const code = char.codePointAt(0) ?? 0;
  const isWithin = (first: number, last: number): boolean => code >= first && code <= last;
  return (
    isWithin(0x00, 0x1f) ||
    isWithin(0x7f, 0x9f) ||
    code === 0x061c ||
    isWithin(0x200e, 0x200f) ||
    isWithin(0x2028, 0x202e) ||
    isWithin(0x2066, 0x2069)
  );
}

test('no control character and no change of direction is left in JSON, and it parses to the same', () => {
  const text = jsonText({ name: HOSTILE }, 2);
  expect(text).toContain('a\\u009b31mb\\u007fc\\u202ed\\u2066e\\u2028f\\u001bg');
  expect(JSON.parse(text)).toEqual({ name: HOSTILE });
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, name) => {
      const both = { value, [name]: name };
      const made = jsonText(both);
      expect([...made].filter(isUnsafe)).toEqual([]);
      expect(JSON.parse(made)).toEqual(JSON.parse(JSON.stringify(both)));
    }),
  );
});

test('whatever a command prints as a JSON document goes through it', () => {
  const root = join(import.meta.dirname, '../..');
  const files = ['cli', 'tui/batch', 'sampler/record'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(root, room, name)),
  );
  const bare = files.filter((file) => /JSON\.stringify\([^;]*null, 2\)/.test(readFileSync(file, 'utf8')));
  expect(bare).toEqual([]);
});
