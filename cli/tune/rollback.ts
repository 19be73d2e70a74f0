import { Command } from 'commander';
import { rollbackTransaction } from '../../tuner/apply/rollback.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { findTransaction, lastCommitted } from '../../tuner/journal/list.ts';
import { ExitCode } from '../exit-codes.ts';
import { log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { agreed } from './agreed.ts';
import { describeTransaction } from './describe-transaction.ts';
import { addRunOptions, addTuneOptions } from './options.ts';
import { printOutcome, show } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';

interface Flags extends RunFlags {
  readonly restart?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

export function rollbackCommand(): Command {
  const command = new Command('rollback')
    .description('undo a transaction: running VMs now, definitions exactly')
    .argument('[id]', 'transaction id from history, or part of it (default: the last applied one)')
    .option('--restart', 'restart domains to undo boot-time settings now')
    .option('--force', 'skip the safety checks: ignore what others changed or use since')
    .option('-y, --yes', 'do not prompt')
    .action(async (id: string | undefined, flags: Flags) => {
      const folder = await openStateFolder(flags.stateDir);
      const record = await (id === undefined
        ? lastCommitted(folder, flags.connect)
        : findTransaction(folder, id));
      if (flags.yes !== true) {
        show(describeTransaction(record).join('\n'), flags.json === true);
        if (!(await agreed(`Roll back transaction ${record.id}?`))) {
          log('virtune: nothing was changed');
          process.exitCode = ExitCode.notConfirmed;
          return;
        }
      }
      const outcome = await rollbackTransaction(record.id, {
        ...runOptions(flags, stopSignal()),
        restarts: flags.restart === true,
        force: flags.force === true,
      });
      process.exitCode = printOutcome(outcome, flags.json === true);
    });
  return addRunOptions(addTuneOptions(command));
}
