import { type Command, Option } from 'commander';
import { type GroupName, groups } from '../model/catalogue/catalogue.ts';

/** Adds `--collect.GROUP` and `--no-collect.GROUP` for each group of the catalogue. */
export function addCollectFlags(command: Command): Command {
  for (const { name, help, byDefault } of groups) {
    const said = `${help.charAt(0).toLowerCase()}${help.slice(1).replace(/\.$/, '')}`;
    command.addOption(new Option(`--collect.${name}`, said).default(byDefault));
    command.addOption(new Option(`--no-collect.${name}`, `leave ${name} out`).hideHelp(!byDefault));
  }
  return command;
}

/** The groups that the flags leave on. */
export function collectedGroups(flags: Readonly<Record<string, unknown>>): ReadonlySet<GroupName> {
  return new Set(groups.map(({ name }) => name).filter((name) => flags[`collect.${name}`] === true));
}
