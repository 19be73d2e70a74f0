import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { systemErrorText } from '../../model/system-error.ts';
import { TunerError } from '../../tuner/errors.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { findTransaction } from '../../tuner/journal/list.ts';
import { reportPage } from '../../tuner/report/page.ts';
import { readReport } from '../../tuner/report/read-report.ts';
import { log } from '../log.ts';
import { addTuneOptions, type TuneFlags } from './options.ts';

interface Flags extends TuneFlags {
  readonly html?: string | undefined;
}

export function reportCommand(): Command {
  const command = new Command('report')
    .description('show the result of an apply --measure experiment as text, JSON, or a page with charts')
    .argument('[id]', 'transaction id from history, or part of it (default: the last one)', 'last')
    .option('--html <file>', 'write one self-contained page with charts; replaces the file')
    .action(async (id: string, flags: Flags) => {
      const record = await findTransaction(await openStateFolder(flags.stateDir), id);
      const { text } = readReport(record);
      if (flags.html !== undefined) {
        await writePage(flags.html, reportPage(record));
        log(`virtune: wrote ${flags.html}`);
      }
      if (flags.json === true) process.stdout.write(`${jsonText(record.progress.measured, 2)}\n`);
      else if (flags.html === undefined) for (const line of text) process.stdout.write(`${line}\n`);
    });
  return addTuneOptions(command);
}

/** @throws TunerError TUNE_REPORT with the reason. */
async function writePage(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    throw new TunerError('TUNE_REPORT', `${file} cannot be written: ${systemErrorText(error)}`, {
      cause: error,
    });
  }
}
