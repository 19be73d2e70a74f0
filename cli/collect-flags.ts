import { type Command, Option } from 'commander';
import { type GroupName, groups } from '../model/catalogue/catalogue.ts';

/** Adds `--collect.GROUP` and `--no-collect.GROUP` for each group of the catalogue. */
export function addCollectFlags(command: Command): Command {
  for (const { name, help, byDefault } of groups) {
    // Help begins in lower case, but CPU and KVM stay as they are.
    const description = help.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase()).replace(/\.$/, '');
    command.addOption(new Option(`--collect.${name}`, description).default(byDefault));
    command.addOption(new Option(`--no-collect.${name}`, `disable ${name}`).hideHelp(!byDefault));
  }
  return command;
}

/** Groups set on the command line only; a configuration file may set the others. */
export function collectedGroups(command: Command): Partial<Record<GroupName, boolean>> {
  const flags = command.opts<Record<string, unknown>>();
  return Object.fromEntries(
    groups
      .filter(({ name }) => command.getOptionValueSource(`collect.${name}`) === 'cli')
      .map(({ name }) => [name, flags[`collect.${name}`] === true]),
  );
}
