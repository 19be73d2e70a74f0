#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { demoCommand } from './demo.ts';
import { ExitCode, exitCodeFor } from './exit-codes.ts';
import { exporterCommand } from './exporter.ts';
import { log } from './log.ts';
import { keepHeapSmall } from './small-heap.ts';
import { tuneCommand } from './tune/tune.ts';
import { readVersion } from './version.ts';

keepHeapSmall();

const program = new Command('virtune')
  .description('Watches KVM hosts and tunes the VMs on them.')
  .version(readVersion())
  .showHelpAfterError('(virtune --help says more)')
  .addCommand(exporterCommand())
  .addCommand(tuneCommand())
  .addCommand(demoCommand());
for (const command of everyCommand(program)) command.exitOverride();

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has said it already; help and version are no failure.
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else {
    const { code, message } = error as { code?: unknown; message: string };
    log(`virtune: ${message}${typeof code === 'string' ? ` [${code}]` : ''}`);
    process.exitCode = exitCodeFor(error);
  }
}
