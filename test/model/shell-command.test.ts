import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shellLine, shellLines, shellLineWithin } from '../../model/shell-command.ts';
import { HOSTILE_NAMES } from '../tui/hostile-names.ts';

/** The arguments that a shell parses from the line, separated by NUL. */
function argumentsOf(line: string, shell = 'sh'): string[] {
  const out = execFileSync(shell, ['-c', `printf '%s\\0' ${line}`], {
    encoding: 'utf8',
    env: { LC_ALL: 'C.UTF-8' },
  });
  return out.split('\0').slice(0, -1);
}

test.each(HOSTILE_NAMES)('%j stays one argument for a shell', (name) => {
  // A name that ends in a newline, which libvirt refuses, needs bash.
  for (const shell of name.endsWith('\n') ? ['bash'] : ['sh', 'bash'])
    expect(argumentsOf(shellLine(['plan', name, '--profile']), shell)).toEqual(['plan', name, '--profile']);
});

test('whatever a name is, the line that is shown is printable ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      expect(shellLine([name])).toMatch(/^[ -~]+$/);
    }),
  );
});

test.each(['-n é', 'é%s%d\\n', "é'; reboot #", 'é$(reboot)`reboot`"', '\u009b31m'])(
  '%j stays one argument for printf too',
  (name) => {
    expect(argumentsOf(shellLine([name]))).toEqual([name]);
  },
);

const command = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom(...HOSTILE_NAMES)), {
  minLength: 1,
  maxLength: 8,
});
const width = fc.integer({ min: 40, max: 200 });

test('a command over several lines is the same command, each line within the width and ending in its backslash', () => {
  fc.assert(
    fc.property(command, width, (args, columns) => {
      const lines = shellLines(args, columns);
      if (lines === undefined) return;
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      for (const line of lines.slice(0, -1)) expect(line).toMatch(/ \\$/);
      const joined = lines.map((line, index) =>
        index < lines.length - 1 ? line.slice(0, -1).trimEnd() : line,
      );
      expect(joined.join(' ')).toBe(shellLine(args));
    }),
  );
});

test('a shell reads the lines, with what is left of them on the screen, as the one command', () => {
  const args = ['-c', 'qemu+tls://kvm1.rack7.example.org/system', 'setmem', 'it is é', '4194304', '--live'];
  const lines = shellLines(args, 44) ?? [];
  expect(lines.length).toBeGreaterThan(1);
  expect(argumentsOf(lines.join('\n      '))).toEqual(args);
});

test('a command that is cut bears the mark, and no shell runs what is left of it', () => {
  fc.assert(
    fc.property(command, width, (args, columns) => {
      const shown = shellLineWithin(args, columns);
      expect(shown.length).toBeLessThanOrEqual(columns);
      expect(shown === shellLine(args) || shown.endsWith(' <cut>')).toBe(true);
    }),
  );
  const whole = ['echo', 'setmem', "it's a name", '4194304', '--live'];
  for (let columns = 10; columns < shellLine(whole).length; columns++) {
    const run = spawnSync('sh', ['-c', shellLineWithin(whole, columns)], { encoding: 'utf8' });
    expect([columns, run.stdout]).toEqual([columns, '']);
    expect(run.status).not.toBe(0);
  }
});
