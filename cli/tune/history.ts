import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions, type TransactionRecord } from '../../tuner/journal/list.ts';
import { readMeasured } from '../../tuner/measure/describe.ts';
import { textTable } from '../../tuner/text-table.ts';
import { errorText, log } from '../log.ts';
import { addTuneOptions, type TuneFlags } from './options.ts';

/** Names shown on a line. */
const NAMES_SHOWN = 3;

export function historyCommand(): Command {
  const command = new Command('history')
    .description(
      'list transactions, newest first: committed, undone, rolled back, or open (running or interrupted)',
    )
    .action(async (flags: TuneFlags) => {
      const { records, damaged } = await listTransactions(await openStateFolder(flags.stateDir));
      if (flags.json === true) {
        const unreadable = damaged.map(({ id, error }) => ({ id, error: error.message }));
        const document = { format: 1, transactions: records.map(transactionJson), unreadable };
        process.stdout.write(`${jsonText(document, 2)}\n`);
        return;
      }
      const head = ['id', 'host', 'status', 'steps', 'measured', 'domains', 'command'];
      for (const line of textTable(head, records.map(row))) process.stdout.write(`${line}\n`);
      for (const { id, error } of damaged) log(`virtune: ${id}: ${errorText(error)}`);
    });
  return addTuneOptions(command);
}

function row({ id, header, progress }: TransactionRecord): string[] {
  const { hostname, domains, steps, command } = header;
  const names = domains.slice(0, NAMES_SHOWN).map(({ domain }) => domain.name);
  const more = domains.length > NAMES_SHOWN ? [`and ${domains.length - NAMES_SHOWN} more`] : [];
  const measured = readMeasured(progress.measured)?.verdict ?? '-';
  return [
    id,
    hostname,
    progress.status,
    String(steps.length),
    measured,
    [...names, ...more].join(' '),
    command,
  ];
}

/** Stable within its format; absent values are null. Contains no XML, which may hold passwords. */
export function transactionJson({ id, header, progress }: TransactionRecord): object {
  const { at, version, command, hostname, uri, domains } = header;
  const { failure } = progress;
  return {
    id,
    at,
    status: progress.status,
    hostname,
    uri,
    command,
    version,
    domains: domains.map(({ domain, profile }) => ({ ...domain, profile: profile ?? null })),
    steps: progress.steps.length,
    failure: failure === undefined ? null : { code: failure.code, message: failure.message },
    measured: readMeasured(progress.measured) ?? null,
  };
}
