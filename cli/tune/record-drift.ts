import { type Command, InvalidArgumentError } from 'commander';
import { DRIFT_RECORD_FILE } from '../../model/drift-record.ts';
import { type Checked, writeDriftRecord } from '../../tuner/drift/record.ts';
import { UsageError } from '../usage-error.ts';

export interface RecordFlags {
  readonly record?: boolean | undefined;
  readonly recordFile?: string | undefined;
}

/** Two options, so that a VM behind `--record` is a VM, and not the name of a file. */
export function addRecordOptions(command: Command): Command {
  return command
    .option('--record', `also write the result for virtune exporter on this host, to ${DRIFT_RECORD_FILE}`)
    .option(
      '--record-file <file>',
      'the same to another file, which the exporter reads with --path.drift',
      fileName,
    )
    .hook('preAction', (_, action) => {
      const { record, recordFile } = action.opts<RecordFlags>();
      if (record === true && recordFile !== undefined) {
        throw new UsageError(
          '--record and --record-file are both set, and one file is written; remove one of them',
        );
      }
    });
}

/** Writes nothing without one of the flags. @throws TunerError TUNE_RECORD */
export async function recordDrift(flags: RecordFlags, checked: Omit<Checked, 'atMs'>): Promise<void> {
  const file = flags.recordFile ?? (flags.record === true ? DRIFT_RECORD_FILE : undefined);
  if (file !== undefined) await writeDriftRecord(file, { ...checked, atMs: Date.now() });
}

function fileName(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected the path of a file.');
  return text;
}
