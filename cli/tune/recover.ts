import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { recoverHost } from '../../tuner/apply/recover.ts';
import type { TransactionOutcome } from '../../tuner/apply/transaction.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { openHosts } from '../../tuner/journal/list.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { addRunOptions, addTuneOptions } from './options.ts';
import { outcomeJson, sayOutcome } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';

interface Flags extends RunFlags {
  readonly finish?: boolean | undefined;
  readonly force?: boolean | undefined;
}

export function recoverCommand(): Command {
  const command = new Command('recover')
    .description('undo interrupted runs, on every host in the journal')
    .option('--finish', 'resume instead of undo, where possible')
    .option('--force', 'skip the safety checks: ignore what others changed or use since')
    .action(async (flags: Flags) => {
      const how = flags.finish === true ? 'finish' : 'undo';
      const signal = stopSignal();
      const options = { ...runOptions(flags, signal), how, force: flags.force === true } as const;
      const hosts = await unlessStopped(signal, async () => openHosts(await openStateFolder(flags.stateDir)));
      if (hosts.length === 0) log('virtune: no interrupted runs; nothing to recover');
      const outcomes: TransactionOutcome[] = [];
      for (const hostname of hosts) outcomes.push(...(await recoverHost(hostname, options)));
      if (flags.json === true) {
        process.stdout.write(`${jsonText({ format: 1, outcomes: outcomes.map(outcomeJson) }, 2)}\n`);
      }
      for (const outcome of outcomes) sayOutcome(outcome, false);
      process.exitCode = exitCode(outcomes, how);
    });
  return addRunOptions(addTuneOptions(command));
}

/** A requested undo is a success; an undo instead of a requested finish is a failure. */
function exitCode(outcomes: readonly TransactionOutcome[], how: 'undo' | 'finish'): number {
  if (outcomes.some(({ kind }) => kind === 'incomplete')) return ExitCode.incomplete;
  return how === 'finish' && outcomes.some(({ kind }) => kind === 'undone') ? ExitCode.undone : ExitCode.ok;
}
