import { Command } from 'commander';
import { versionWithCommit } from './version.ts';

/** `virtune` with these commands: parses the command line, and is the source of manual pages and completions. */
export function programOf(commands: readonly Command[]): Command {
  const program = new Command('virtune')
    .description('Watches KVM hosts and tunes the VMs on them.')
    .version(versionWithCommit())
    .showHelpAfterError('(see virtune --help)');
  for (const command of commands) program.addCommand(command);
  return program;
}
