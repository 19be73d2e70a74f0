import { Option } from 'commander';
import { DRIFT_RECORD_FILE } from '../../model/drift-record.ts';
import { type Checked, writeDriftRecord } from '../../tuner/drift/record.ts';

export function recordOption(): Option {
  return new Option(
    '--record [file]',
    `also write the result for virtune exporter on this host, to ${DRIFT_RECORD_FILE} or FILE`,
  );
}

/** Writes nothing without the flag. */
export async function recordDrift(
  flag: string | true | undefined,
  checked: Omit<Checked, 'atMs'>,
): Promise<void> {
  if (flag === undefined) return;
  await writeDriftRecord(flag === true ? DRIFT_RECORD_FILE : flag, { ...checked, atMs: Date.now() });
}
