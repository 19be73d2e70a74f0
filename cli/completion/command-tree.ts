import type { Command, Option } from 'commander';

/** A command as completions and manual pages need it. */
export interface CommandNode {
  /** Names from `virtune` on. */
  readonly path: readonly string[];
  readonly description: string;
  readonly options: readonly OptionNode[];
  /** As in its usage: `<file>`, `[domain...]`. */
  readonly usage: string;
  readonly commands: readonly CommandNode[];
}

export interface OptionNode {
  /** `--out` and `-o`, long first. */
  readonly names: readonly string[];
  readonly flags: string;
  readonly description: string;
  readonly takesValue: boolean;
  /** Whether the usage names the value as a path. */
  readonly isPath: boolean;
  /** The allowed values; empty when any value is allowed. */
  readonly choices: readonly string[];
}

/** @param command with its subcommands; @param parents names from `virtune` on */
export function commandTree(command: Command, parents: readonly string[] = []): CommandNode {
  const path = [...parents, command.name()];
  const help = command.createHelp();
  return {
    path,
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    usage: command.usage(),
    commands: command.commands.map((each) => commandTree(each, path)),
  };
}

/** A command and all below it. */
export function withAllBelow(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(withAllBelow)];
}

function optionNode(option: Option): OptionNode {
  const { long, short, flags, required, optional } = option;
  return {
    names: [long, short].filter((name) => name !== undefined && name !== null),
    flags,
    description: help(option),
    takesValue: required || optional,
    isPath: /<(file|dir|folder|path)(\.\.\.)?>|\[file\]/.test(flags),
    choices: option.argChoices ?? [],
  };
}

/** With choices and default, as in the help. */
function help({ description, argChoices, defaultValue, defaultValueDescription, envVar }: Option): string {
  const shown = [
    ...(argChoices === undefined ? [] : [`choices: ${argChoices.join(', ')}`]),
    ...(defaultValueDescription === undefined
      ? typeof defaultValue === 'string' || typeof defaultValue === 'number'
        ? [`default: ${defaultValue}`]
        : []
      : [`default: ${defaultValueDescription}`]),
    ...(envVar === undefined ? [] : [`env: ${envVar}`]),
  ];
  return shown.length === 0 ? description : `${description} (${shown.join('; ')})`;
}
