import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runVirtune } from '../virtune-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

const isInstalled = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** Returns what a shell offers for these words, the last of which is still being typed. */
interface Shell {
  readonly name: string;
  offers(script: string, words: readonly string[]): string[];
}

const run = (shell: string, code: string, ...args: readonly string[]): string[] => {
  const { stdout, stderr, status } = spawnSync(shell, ['-c', code, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, LANG: 'C.UTF-8' },
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.split('\n').filter((line) => line !== '');
};

const shells: readonly Shell[] = [
  {
    name: 'bash',
    offers: (script, words) =>
      run(
        'bash',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: bash's
        'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _virtune; printf "%s\\n" "${COMPREPLY[@]}"',
        script,
        ...words,
      ),
  },
  {
    name: 'zsh',
    // The functions of its completion system print their arguments.
    offers: (script, words) =>
      run(
        'zsh',
        `compdef() { :; }; _files() { print files; }
         compadd() { shift; print -l -- $@ | grep -- "^$words[CURRENT]"; }
         _describe() { print -l -- \${entries%%:*} | grep -- "^$words[CURRENT]"; }
         words=("$@"); CURRENT=$#; source "$0"; _virtune`,
        script,
        ...words,
      ),
  },
  {
    name: 'fish',
    offers: (script, words) =>
      run('fish', `source ${script}; complete -C '${words.join(' ')}'`).map(
        (line) => line.split('\t')[0] ?? '',
      ),
  },
];

test.each(shells.map((shell) => [shell.name, shell] as const))(
  '%s completes commands, options and choices, and nothing of another command',
  async (name, shell) => {
    if (!isInstalled(name)) return console.warn(`${name} is not installed: its completion is not tested`);
    const { code, stdout } = await runVirtune('completion', name);
    expect(code).toBe(0);
    const script = join(folder, name);
    writeFileSync(script, stdout);
    expect(shell.offers(script, ['virtune', 'to'])).toEqual(['top']);
    expect(shell.offers(script, ['virtune', 'tune', 'rol'])).toEqual(['rollback']);
    expect(shell.offers(script, ['virtune', 'exporter', '--listen', ':9177', '--path.cg'])).toEqual([
      '--path.cgroupfs',
    ]);
    expect(shell.offers(script, ['virtune', 'demo', '--libvirt', '1'])).toEqual(['11.3', '12.9']);
    expect(shell.offers(script, ['virtune', 'dashboards', 'build', '--o'])).toEqual(['--out']);
  },
);

test('a shell that virtune does not know is refused with those that it knows', async () => {
  const { code, stderr } = await runVirtune('completion', 'tcsh');
  expect(code).toBe(64);
  expect(stderr).toContain('bash, zsh, fish');
});
