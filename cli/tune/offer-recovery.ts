import { recoverHost } from '../../tuner/apply/recover.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { agreed } from './agreed.ts';
import { describeTransaction } from './describe-transaction.ts';
import { printOutcome, show } from './outcome.ts';
import { type RunFlags, runOptions } from './run-options.ts';

/**
 * Before a new run: shows what an earlier run left half done on that host, and undoes it if the user at the terminal
 * agrees. Without a terminal, or if the user declines, the new run is refused as usual (TUNE_INTERRUPTED).
 */
export async function offerRecovery(flags: RunFlags, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY) return;
  const { records } = await unlessStopped(signal, async () =>
    listTransactions(await openStateFolder(flags.stateDir)),
  );
  const open = records.find(
    ({ header, progress }) => header.uri === flags.connect && progress.status === 'open',
  );
  if (open === undefined) return;
  show(describeTransaction(open).join('\n'), flags.json === true);
  if (!(await agreed('This run was interrupted. Undo it first?'))) return;
  const options = { ...runOptions(flags, signal), how: 'undo', force: false } as const;
  for (const outcome of await recoverHost(open.header.hostname, options)) printOutcome(outcome, false);
}
