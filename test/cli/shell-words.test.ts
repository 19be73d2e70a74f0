import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shellWords } from '../../cli/shell-words.ts';

test('a command without special characters is printed without quotes', () => {
  expect(shellWords(['virtune', 'tune', 'apply', '--all', '-p', 'oltp-database'])).toBe(
    'virtune tune apply --all -p oltp-database',
  );
  expect(shellWords(['virtune', 'tune', 'plan', "db's *"])).toBe("virtune tune plan 'db'\\''s *'");
});

test('for any domain name, a shell reads the same words back', () => {
  const word = fc
    .string({ unit: 'binary', maxLength: 12 })
    .filter((text) => !text.includes('\u0000') && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      const command = `printf '%s\\0' ${shellWords(words)}`;
      const said = execFileSync('bash', ['--norc', '-c', command], { env: { LC_ALL: 'C.UTF-8' } }).toString();
      expect(said.split('\u0000').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 20 },
  );
});
