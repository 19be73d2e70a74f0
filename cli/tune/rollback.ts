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
import { sayOutcome, show } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';

interface Flags extends RunFlags {
  readonly restart?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

export function rollbackCommand(): Command {
  const command = new Command('rollback')
    .description('take a transaction back: what runs at once, definitions to the letter')
    .argument('[id]', 'from history, or a part of it; the last one that stands without')
    .option('--restart', 'restart the domains, for what only a boot takes')
    .option('--force', 'take back what somebody else has changed since, too')
    .option('-y, --yes', 'do not ask')
    .action(async (id: string | undefined, flags: Flags) => {
      const folder = await openStateFolder(flags.stateDir);
      const record = await (id === undefined
        ? lastCommitted(folder, flags.connect)
        : findTransaction(folder, id));
      if (flags.yes !== true) {
        show(describeTransaction(record).join('\n'), flags.json === true);
        if (!(await agreed(`Take transaction ${record.id} back?`))) {
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
      process.exitCode = sayOutcome(outcome, flags.json === true);
    });
  return addRunOptions(addTuneOptions(command));
}
