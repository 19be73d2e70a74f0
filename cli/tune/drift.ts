import { Command } from 'commander';
import { jsonText } from '../../model/json-text.ts';
import { describeEffect, effectJson } from '../../tuner/drift/describe-effect.ts';
import { driftOf, needsAttention } from '../../tuner/drift/drift.ts';
import { driftJson, reportDrift } from '../../tuner/drift/report.ts';
import { durationOption } from '../duration-option.ts';
import { ExitCode } from '../exit-codes.ts';
import { measureEffects } from './measure-effects.ts';
import { addTuneOptions, type TuneFlags } from './options.ts';
import { addRecordOptions, type RecordFlags, recordDrift } from './record-drift.ts';
import { withSession } from './session.ts';
import { readTuned } from './tuned.ts';

interface Flags extends TuneFlags, RecordFlags {
  /** Seconds. */
  readonly measure?: number | undefined;
}

/** At least four blocks of two seconds, the shortest experiment; at most a day. */
const [MEASURE_SECONDS_MIN, MEASURE_SECONDS_MAX] = [8, 86_400];

export function driftCommand(): Command {
  const command = new Command('drift')
    .description('show tuned domains that differ from their profiles; exits with 2 if there are any')
    .argument('[domain...]', 'names, UUIDs or globs (default: all tuned domains)')
    .addOption(
      durationOption(
        '--measure',
        'measure VMs that apply --measure improved, and warn if the effect has faded',
        {
          minSeconds: MEASURE_SECONDS_MIN,
          maxSeconds: MEASURE_SECONDS_MAX,
        },
      ),
    )
    .action(async (patterns: string[], flags: Flags) => {
      const { host, domains, withoutProfile } = await withSession(flags, { readOnly: true }, (session) =>
        readTuned(session, patterns),
      );
      const drifts = domains.map(driftOf);
      await recordDrift(flags, {
        drifts,
        withoutProfile: withoutProfile.map(({ domain }) => domain.uuid),
        hostname: host.hostname,
        isWhole: patterns.length === 0,
      });
      const effects =
        flags.measure === undefined
          ? undefined
          : await measureEffects(flags, flags.measure, {
              hostname: host.hostname,
              uuids: new Set(domains.map(({ state }) => state.domain.uuid)),
            });
      if (flags.json === true) {
        const document = { ...driftJson(drifts), ...(effects && { effects: effects.map(effectJson) }) };
        process.stdout.write(`${jsonText(document, 2)}\n`);
      } else
        process.stdout.write(`${[reportDrift(drifts), ...(effects ?? []).map(describeEffect)].join('\n')}\n`);
      const drifted = withoutProfile.length > 0 || drifts.some(needsAttention);
      if (drifted) process.exitCode = ExitCode.drift;
    });
  return addTuneOptions(addRecordOptions(command));
}
