#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { demoCommand } from './demo.ts';
import { elasticsearchCommand } from './elasticsearch.ts';
import { ExitCode, exitCodeFor } from './exit-codes.ts';
import { exporterCommand } from './exporter.ts';
import { log } from './log.ts';
import { keepHeapSmall } from './small-heap.ts';
import { readVersion } from './version.ts';

keepHeapSmall();

const program = new Command('virtune')
  .description('Watches KVM hosts and tunes the VMs on them.')
  .version(readVersion())
  .showHelpAfterError('(virtune --help says more)')
  .addCommand(exporterCommand())
  .addCommand(demoCommand())
  .addCommand(elasticsearchCommand());
for (const command of [
  program,
  ...program.commands,
  ...program.commands.flatMap(({ commands }) => commands),
]) {
  command.exitOverride();
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
