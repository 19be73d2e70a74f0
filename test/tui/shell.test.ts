import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shellLine } from '../../tui/model/shell.ts';
import { HOSTILE_NAMES } from './hostile-names.ts';

/** What a shell makes of the line: its arguments, one after a NUL. */
function argumentsOf(line: string): string[] {
  const out = execFileSync('bash', ['--norc', '-c', `printf '%s\\0' ${line}`], {
    encoding: 'utf8',
    env: { LC_ALL: 'C.UTF-8' },
  });
  return out.split('\0').slice(0, -1);
}

test.each(HOSTILE_NAMES)('%j stays one argument for a shell', (name) => {
  expect(argumentsOf(shellLine(['plan', name, '--profile']))).toEqual(['plan', name, '--profile']);
});

test('whatever a name is, the line that is shown is printable ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      expect(shellLine([name])).toMatch(/^[ -~]+$/);
    }),
  );
});
