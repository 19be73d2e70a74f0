import type { Command } from 'commander';
import { loadCommands } from '../../cli/commands.ts';

const commands = await loadCommands(undefined);

/** The unknown parts of a call of virtune: the command, or some of its options. */
export function unknownIn(call: string): string[] {
  const words = call.split(/\s+/).slice(1);
  let command: Command | undefined = commands.find((each) => each.name() === words[0]);
  if (command === undefined) return [`virtune ${words[0]}`];
  for (const word of words.slice(1))
    command = command.commands.find((each) => each.name() === word) ?? command;
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  return words
    .map((word) => word.split('=')[0] as string)
    .filter((word) => word.startsWith('-') && !known.includes(word));
}

/** Every option of every command, as `--name`. */
export const virtuneOptions: ReadonlySet<string> = new Set(
  commands.flatMap(withSubcommands).flatMap(({ options }) => options.map(({ long }) => long ?? '')),
);

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
