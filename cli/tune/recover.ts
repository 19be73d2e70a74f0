import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { recoverHost } from '../../tuner/apply/recover.ts';
import type { TransactionOutcome } from '../../tuner/apply/transaction.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { openHosts } from '../../tuner/journal/list.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { ExitCode, exitCodeFor, worstExitCode } from '../exit-codes.ts';
import { errorText, log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { addRunOptions, addTuneOptions } from './options.ts';
import { outcomeJson, printOutcome } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';

interface Flags extends RunFlags {
  readonly finish?: boolean | undefined;
  readonly force?: boolean | undefined;
}

/** A host that could not be recovered completely, and why. */
interface HostError {
  readonly hostname: string;
  readonly error: Error;
}

export function recoverCommand(): Command {
  const command = new Command('recover')
    .description('undo interrupted runs, on every host in the journal; with --connect, on that host only')
    .option('--finish', 'resume instead of undo, where possible')
    .option('--force', 'skip the safety checks: ignore what others changed or use since')
    .action(async (flags: Flags, given: Command) => {
      const how = flags.finish === true ? 'finish' : 'undo';
      const signal = stopSignal();
      const outcomes: TransactionOutcome[] = [];
      const uri = given.getOptionValueSource('connect') === 'cli' ? flags.connect : undefined;
      const options = {
        ...runOptions(flags, signal),
        how,
        force: flags.force === true,
        uri,
        onOutcome: (outcome: TransactionOutcome) => {
          outcomes.push(outcome);
          printOutcome(outcome, false);
        },
      } as const;
      const hosts = await unlessStopped(signal, async () =>
        openHosts(await openStateFolder(flags.stateDir), uri),
      );
      if (hosts.length === 0) log('virtune: no interrupted runs; nothing to recover');
      const errors: HostError[] = [];
      // An unreachable or busy host does not prevent recovery of the others.
      for (const hostname of hosts) {
        if (signal.aborted && errors.length > 0) break;
        await recoverHost(hostname, options).catch((error: Error) => errors.push({ hostname, error }));
      }
      for (const { hostname, error } of errors)
        log(`virtune: host ${JSON.stringify(hostname)} is not recovered: ${errorText(error)}`);
      if (flags.json === true) {
        const document = {
          format: 1,
          outcomes: outcomes.map(outcomeJson),
          errors: errors.map(errorJson),
        };
        process.stdout.write(`${jsonText(document, 2)}\n`);
      }
      process.exitCode = worstExitCode([
        ...outcomes.map((outcome) => exitCodeOf(outcome, how)),
        ...errors.map(({ error }) => exitCodeFor(error)),
      ]);
    });
  return addRunOptions(addTuneOptions(command));
}

function errorJson({ hostname, error }: HostError): object {
  const { code } = error as { readonly code?: unknown };
  return { hostname, code: typeof code === 'string' ? code : null, message: error.message };
}

/** A requested undo counts as success; an undo instead of the requested finish as failure. */
function exitCodeOf({ kind }: TransactionOutcome, how: 'undo' | 'finish'): number {
  if (kind === 'incomplete') return ExitCode.incomplete;
  return how === 'finish' && kind === 'undone' ? ExitCode.undone : ExitCode.ok;
}
