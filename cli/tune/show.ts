import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { terminalXml } from '../../model/terminal-text.ts';
import { TunerError } from '../../tuner/errors.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { findTransaction, type TransactionRecord } from '../../tuner/journal/list.ts';
import { describeStep } from '../../tuner/steps/describe.ts';
import { describeTransaction } from './describe-transaction.ts';
import { transactionJson } from './history.ts';
import { addTuneOptions, type TuneFlags } from './options.ts';

interface Flags extends TuneFlags {
  readonly xml?: string | undefined;
  readonly live?: boolean | undefined;
}

export function showCommand(): Command {
  const command = new Command('show')
    .description('show one transaction: state before, changes, verification')
    .argument('[id]', 'transaction id from history, or part of it (default: the last one)', 'last')
    .option('--xml <domain>', 'print the previous definition of this domain, including passwords')
    .option('--live', 'with --xml: the previous XML of the running domain')
    .action(async (id: string, flags: Flags) => {
      const record = await findTransaction(await openStateFolder(flags.stateDir), id);
      if (flags.xml !== undefined)
        process.stdout.write(terminalXml(savedXml(record, flags.xml, flags.live === true)));
      else if (flags.json === true) process.stdout.write(`${jsonText(showJson(record), 2)}\n`);
      else process.stdout.write(`${describeTransaction(record).join('\n')}\n`);
    });
  return addTuneOptions(command);
}

function savedXml({ id, header }: TransactionRecord, name: string, live: boolean): string {
  const found = header.domains.find(({ domain }) => domain.name === name || domain.uuid === name);
  const xml = live ? found?.live : found?.inactive;
  if (xml !== undefined) return xml.endsWith('\n') ? xml : `${xml}\n`;
  const names = header.domains.map(({ domain }) => JSON.stringify(domain.name)).join(', ');
  throw new TunerError(
    'TUNE_USAGE',
    found === undefined
      ? `transaction ${id} did not change a domain ${JSON.stringify(name)}; it changed ${names}`
      : `domain ${JSON.stringify(name)} ${live ? 'did not run' : 'had no definition'} before transaction ${id}`,
  );
}

/** As in history, with its steps and all journal entries in order; definitions separately. */
function showJson(record: TransactionRecord): object {
  return {
    format: 1,
    ...transactionJson(record),
    steps: record.progress.steps.map(({ step, progress }) => ({
      kind: step.kind,
      what: describeStep(step),
      progress: progress.kind,
      proof: progress.kind === 'done' ? progress.proof : [],
    })),
    events: record.events.map((event) => ({
      at: event.at,
      event: event.event,
      step: 'step' in event ? (event.step ?? null) : null,
      message: 'message' in event ? event.message : null,
    })),
    notes: record.header.notes,
  };
}
