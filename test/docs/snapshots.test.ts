import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { loadCommands } from '../../cli/commands.ts';
import { ROOMS_WITH_ERRORS } from '../rooms.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { errorTextsOf, sourcesOf } from './source-texts.ts';

/*
 * Every help text and every error text, as files beside this test: a change of wording shows in a review.
 * `npx vitest run test/docs/snapshots.test.ts -u` writes them.
 */

function* commandsBelow(command: Command, parents: readonly string[]): Generator<[string, Command]> {
  const names = [...parents, command.name()];
  yield [names.join(' '), command];
  for (const each of command.commands) yield* commandsBelow(each, names);
}

const programs = await loadCommands(undefined);
const commands = programs.flatMap((command) => [...commandsBelow(command, ['virtune'])]);

test('every command is snapshotted', () => {
  expect(commands.map(([name]) => name)).toEqual(
    expect.arrayContaining(['virtune top', 'virtune tune apply']),
  );
});

test('virtune --help', async () => {
  const { code, stdout } = await new VirtuneProcess('--help').ended;
  expect(code).toBe(0);
  await expect(stdout).toMatchFileSnapshot('./texts/help/virtune.txt');
});

test.each(commands)('%s --help', async (name, command) => {
  const help = command.configureHelp({ helpWidth: 100 }).helpInformation();
  await expect(help).toMatchFileSnapshot(`./texts/help/${name.replaceAll(' ', '-')}.txt`);
});

test.each(ROOMS_WITH_ERRORS)('the errors of %s/', async (room) => {
  const files = new Map<string, string[]>();
  for (const { file, error, text } of sourcesOf(room).flatMap(errorTextsOf)) {
    files.set(file, [...(files.get(file) ?? []), `  ${error}: ${text.replaceAll('\n', '\\n')}`]);
  }
  const lines = [...files].flatMap(([file, texts]) => [file, ...texts]);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`./texts/errors/${room}.txt`);
});
