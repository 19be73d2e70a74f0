import { Argument, Command } from 'commander';
import { bashCompletion } from './completion/bash.ts';
import { commandTree } from './completion/command-tree.ts';
import { fishCompletion } from './completion/fish.ts';
import { zshCompletion } from './completion/zsh.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export function completionCommand(): Command {
  return new Command('completion')
    .description('print the completion of commands and options for a shell')
    .addArgument(new Argument('<shell>', 'shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      '\nbash: source <(virtune completion bash)\nzsh:  source <(virtune completion zsh)\nfish: virtune completion fish | source',
    )
    .action((shell: keyof typeof SHELLS, _: object, command: Command) => {
      process.stdout.write(SHELLS[shell](commandTree(command.parent as Command)));
    });
}
