import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { driftOf, needsAttention } from '../../tuner/drift/drift.ts';
import { driftJson, reportDrift } from '../../tuner/drift/report.ts';
import { driftMetrics, writeTextfile } from '../../tuner/drift/textfile.ts';
import { ExitCode } from '../exit-codes.ts';
import { addTuneOptions, type TuneFlags } from './options.ts';
import { withSession } from './session.ts';
import { planTuned } from './tuned.ts';

interface Flags extends TuneFlags {
  readonly textfile?: string | undefined;
}

export function driftCommand(): Command {
  const command = new Command('drift')
    .description('show tuned domains that differ from their profiles; exits with 2 if there are any')
    .argument('[domain...]', 'names, UUIDs or globs (default: all tuned domains)')
    .option('--textfile <file>', "also write metrics for node_exporter's textfile collector, to FILE.prom")
    .action(async (patterns: string[], flags: Flags) => {
      const { plan, lost } = await withSession(flags, { readOnly: true }, (session) =>
        planTuned(session, patterns),
      );
      const drifts = plan.domains.map(driftOf);
      const text = flags.json === true ? jsonText(driftJson(drifts), 2) : reportDrift(drifts);
      process.stdout.write(`${text}\n`);
      if (flags.textfile !== undefined) {
        await writeTextfile(flags.textfile, await driftMetrics(drifts, Date.now()));
      }
      const drifted = lost.length > 0 || drifts.some(needsAttention);
      if (drifted) process.exitCode = ExitCode.drift;
    });
  return addTuneOptions(command);
}
