import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { scenarios } from '../../simulator/scenarios/all.ts';
import { VirtuneProcess } from '../virtune-process.ts';

const TIMEOUT_MS = 240_000;
/** Names that libvirt 9.0 accepts but no terminal should receive. */
const NAMES = [
  'c1\u009b31mred\u009d0;title\u009c',
  'del\u007f\u007f\u007f',
  'override\u202egnp.exe',
  '\u2066isolate\u2069',
  "it's; $(touch pwned) `touch pwned` #",
];
/** By code point: C0 except line ends and tabs, DEL, C1, separators, and characters that change text direction. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

let folder: string;
let demo: Demo;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-hostile-'));
  const path = join(folder, 'scenario.json');
  const { untuned } = scenarios;
  const vms = untuned?.vms.map((vm, index) => ({ ...vm, name: NAMES[index] ?? vm.name }));
  writeFileSync(path, JSON.stringify({ ...untuned, vms }));
  demo = await startDemo({ scenario: path });
});
afterAll(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true });
});

const tune = (command: string, ...args: readonly string[]): readonly string[] => [
  'tune',
  command,
  '--state-dir',
  join(folder, 'state'),
  ...(/history|show/.test(command) ? [] : ['--connect', demo.uri]),
  ...args,
];
const top = (...args: readonly string[]): readonly string[] => [
  'top',
  '--no-config',
  '--connect',
  demo.uri,
  '--once',
  ...args,
];

/** Everything a command prints on both outputs, including failures. */
async function printed(args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new VirtuneProcess(...args).ended;
  return stdout + stderr;
}

test(
  'no command prints a control character or a change of direction, whatever VMs are called',
  async () => {
    // Applied first, so that history, show and drift have something to print.
    const applied = await printed(tune('apply', '--all', '-p', 'balanced', '--yes'));
    expect(applied).toMatch(/transaction .* applied and verified|run .*/s);
    const commands = [
      top(),
      top('--json'),
      top('--csv'),
      top('--view', 'findings'),
      tune('plan', '--all', '-p', 'oltp-database'),
      tune('plan', '--all', '-p', 'oltp-database', '--json'),
      tune('plan', 'no\u009bsuch\u202edomain', '-p', 'balanced'),
      tune('history'),
      tune('history', '--json'),
      tune('show'),
      tune('show', '--json'),
      tune('show', '--xml', NAMES[2] ?? ''),
      tune('drift'),
      tune('drift', '--json'),
      tune('verify', NAMES[0] ?? ''),
      tune('hugepages'),
      tune('hugepages', '--json'),
      ['top', '--sort', 'no\u009bsuch\u202e'],
      ['exporter', '--no\u009bsuch\u202e'],
      ['tune', 'profiles', '--profiles', 'no\u009bsuch\u202e'],
    ];
    const outputs = await Promise.all(
      [applied].concat(await inTurn(commands.map((args) => () => printed(args)))),
    );
    const unsafe = outputs.flatMap((text, index) => {
      const line = text.split('\n').find((each) => UNSAFE.test(each));
      return line === undefined
        ? []
        : [`${commands[index - 1]?.join(' ') ?? 'apply'}: ${JSON.stringify(line)}`];
    });
    expect(unsafe).toEqual([]);
    expect(outputs.filter((text) => text.includes('\\u{202e}')).length).toBeGreaterThan(5);
    expect(outputs.filter((text) => text.includes('\\u202e')).length).toBeGreaterThan(3);
  },
  TIMEOUT_MS,
);

async function inTurn<T>(steps: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  for (const step of steps) results.push(await step());
  return results;
}

test(
  'samples as lines of JSON have no control character either, and the names as they are',
  async () => {
    const exporter = new VirtuneProcess(
      ...['exporter', '--connect', demo.uri, '--listen', '127.0.0.1:0', '--output', 'ndjson'],
    );
    await exporter.prints(/override/);
    await exporter.stop();
    const { stdout } = await exporter.ended;
    expect(stdout).not.toMatch(UNSAFE);
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { 'kvm.name'?: string })['kvm.name']);
    expect(new Set(names)).toContain(NAMES[2]);
  },
  TIMEOUT_MS,
);

test(
  'the command in the history is the command that ran, for a shell',
  async () => {
    const { stdout } = await new VirtuneProcess(...tune('history', '--json')).ended;
    const { transactions } = JSON.parse(stdout) as { transactions: { command: string }[] };
    const [command = ''] = transactions.map((each) => each.command);
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8', cwd: folder });
    expect(words.trim().split('\n')).toEqual([
      'virtune',
      ...tune('apply', '--all', '-p', 'balanced', '--yes'),
    ]);
    expect(readdirSync(folder)).not.toContain('pwned');
  },
  TIMEOUT_MS,
);

test('text for a terminal, JSON and commands are each made by one function', () => {
  const root = join(import.meta.dirname, '../..');
  const sources = ['cli', 'model', 'sampler', 'exporter', 'tui', 'tuner'].flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(room, name)),
  );
  const having = (pattern: RegExp): string[] =>
    sources.filter((file) => pattern.test(readFileSync(join(root, file), 'utf8')));
  expect(having(/\\p\{Cc\}.*\\p\{Cf\}/).filter((file) => file !== 'model/label-text.ts')).toEqual([
    'model/terminal-text.ts',
  ]);
  expect(having(/u202[8e]/)).toEqual(['model/json-text.ts']);
  expect(having(/'\\\\''|printf '/)).toEqual(['model/shell-command.ts']);
});
