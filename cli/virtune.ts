#!/usr/bin/env node
// Must come first, before anything reads a file.
import './thread-pool.ts';
import { type Command, CommanderError } from 'commander';
import { terminalLines } from '../model/terminal-text.ts';
import { loadCommands } from './commands.ts';
import { endDespiteHungFiles } from './end.ts';
import { ExitCode, exitCodeFor } from './exit-codes.ts';
import { errorText, log } from './log.ts';
import { programOf } from './program.ts';
import { keepHeapSmall, keepNurserySmall } from './small-heap.ts';
import { surviveLostOutput } from './standard-streams.ts';

// A console samples every second: a small nursery saves it 70 MiB at the same CPU time (61 VMs), but a slowly growing
// heap would cost CPU time. A fleet plan takes minutes: there CPU time matters more than memory.
if (process.argv[2] === 'top') keepNurserySmall();
else if (process.argv[2] !== 'advise') keepHeapSmall();

surviveLostOutput();

const program = programOf(await loadCommands(process.argv[2]));
for (const command of withSubcommands(program)) {
  command.exitOverride().configureOutput({
    // Same form as all other errors: the program's name first, a code last.
    outputError: (text, write) =>
      write(`${terminalLines(text.replace(/^error: /, 'virtune: ').trimEnd())} [USAGE]\n`),
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has printed it already; help and version exit with 0.
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else {
    log(`virtune: ${errorText(error as Error)}`);
    process.exitCode = exitCodeFor(error);
  }
}
endDespiteHungFiles();

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
