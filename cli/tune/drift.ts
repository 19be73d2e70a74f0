import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { driftOf, needsAttention } from '../../tuner/drift/drift.ts';
import { driftJson, reportDrift } from '../../tuner/drift/report.ts';
import { ExitCode } from '../exit-codes.ts';
import { addTuneOptions, type TuneFlags } from './options.ts';
import { addRecordOptions, type RecordFlags, recordDrift } from './record-drift.ts';
import { withSession } from './session.ts';
import { planTuned } from './tuned.ts';

type Flags = TuneFlags & RecordFlags;

export function driftCommand(): Command {
  const command = new Command('drift')
    .description('show tuned domains that differ from their profiles; exits with 2 if there are any')
    .argument('[domain...]', 'names, UUIDs or globs (default: all tuned domains)')
    .action(async (patterns: string[], flags: Flags) => {
      const { plan, lost } = await withSession(flags, { readOnly: true }, (session) =>
        planTuned(session, patterns),
      );
      const drifts = plan.domains.map(driftOf);
      await recordDrift(flags, {
        drifts,
        hostname: plan.host.hostname,
        isWhole: patterns.length === 0,
      });
      const text = flags.json === true ? jsonText(driftJson(drifts), 2) : reportDrift(drifts);
      process.stdout.write(`${text}\n`);
      const drifted = lost.length > 0 || drifts.some(needsAttention);
      if (drifted) process.exitCode = ExitCode.drift;
    });
  return addTuneOptions(addRecordOptions(command));
}
