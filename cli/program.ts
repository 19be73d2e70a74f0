import { Command } from 'commander';
import { versionWithCommit } from './version.ts';

/** `virtune` with these commands: what the command line parses, and manual pages and completions are made from. */
export function programOf(commands: readonly Command[]): Command {
  const program = new Command('virtune')
    .description('Watches KVM hosts and tunes the VMs on them.')
    .version(versionWithCommit())
    .showHelpAfterError('(see virtune --help)');
  for (const command of commands) program.addCommand(command);
  return program;
}
