import { type Command, InvalidArgumentError } from 'commander';
import { pathExists } from '../../libvirt/small-file.ts';
import { DRIFT_RECORD_FILE } from '../../model/drift-record.ts';
import { type Checked, writeDriftRecord } from '../../tuner/drift/record.ts';
import { recordedEffects } from '../../tuner/drift/recorded-effects.ts';
import { openStateFolder } from '../../tuner/journal/folder.ts';
import { listTransactions } from '../../tuner/journal/list.ts';
import { errorText, log } from '../log.ts';
import { UsageError } from '../usage-error.ts';
import type { TuneFlags } from './options.ts';

export interface RecordFlags {
  readonly record?: boolean | undefined;
  readonly recordFile?: string | undefined;
}

/** Separate options, so that an argument after `--record` is parsed as a VM, not as a file name. */
export function addRecordOptions(command: Command): Command {
  return command
    .option('--record', `also write the result for virtune exporter on this host, to ${DRIFT_RECORD_FILE}`)
    .option(
      '--record-file <file>',
      'like --record, but to another file, which the exporter reads with --path.drift',
      fileName,
    )
    .hook('preAction', (_, action) => {
      const { record, recordFile } = action.opts<RecordFlags>();
      if (record === true && recordFile !== undefined) {
        throw new UsageError('--record and --record-file cannot be combined; remove one of them');
      }
    });
}

/** A no-op without one of the flags. @throws TunerError TUNE_RECORD */
export async function recordDrift(
  flags: RecordFlags & Pick<TuneFlags, 'stateDir'>,
  checked: Omit<Checked, 'atMs' | 'effects'>,
): Promise<void> {
  const file = flags.recordFile ?? (flags.record === true ? DRIFT_RECORD_FILE : undefined);
  if (file === undefined) return;
  const effects = await effectsOf(flags.stateDir, checked.hostname);
  await writeDriftRecord(file, { ...checked, effects, atMs: Date.now() });
}

/** Best effort: only the owner can read the journals, and the record is useful without them. */
async function effectsOf(stateDir: string, hostname: string): Promise<Checked['effects']> {
  try {
    if (!(await pathExists(stateDir))) return new Map();
    const { records } = await listTransactions(await openStateFolder(stateDir));
    return recordedEffects(records, hostname);
  } catch (error) {
    log(`virtune: measured effects are not recorded: ${errorText(error as Error)}`);
    return new Map();
  }
}

function fileName(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected the path of a file.');
  return text;
}
