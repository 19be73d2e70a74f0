import { Command } from 'commander';
import { connect } from '../../libvirt/client/connect.ts';
import { ManagedConnection } from '../../libvirt/client/managed.ts';
import { formatSeconds } from '../../model/duration.ts';
import { jsonText } from '../../model/json-text.ts';
import { driftOf } from '../../tuner/drift/drift.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { Pauses } from '../../tuner/watch/pauses.ts';
import { restoreLost } from '../../tuner/watch/restore.ts';
import { REAPPLY_EVENTS, Watch } from '../../tuner/watch/watch.ts';
import { durationOption } from '../duration-option.ts';
import { exitCodeFor, worstExitCode } from '../exit-codes.ts';
import { errorText, log } from '../log.ts';
import { untilAskedToStop } from '../signals.ts';
import { addTuneOptions, type TuneFlags, UP_TO_A_DAY } from './options.ts';
import { outcomeJson, printOutcome } from './outcome.ts';
import { addRecordOptions, type RecordFlags, recordDrift } from './record-drift.ts';
import { NO_RESTART, runOptions } from './run-options.ts';
import { withSession } from './session.ts';
import { readTuned } from './tuned.ts';

interface Flags extends TuneFlags, RecordFlags {
  readonly interval: number;
  readonly once?: boolean | undefined;
}

/** How long to wait after an event before checking, so that the domain settles. */
const SETTLE_MS = 2_000;

export function watchCommand(): Command {
  const command = new Command('watch')
    .description(
      'restore settings that libvirt does not keep: polling after a restart, pins after a migration or restore',
    )
    .addOption(
      durationOption('--interval', 'interval of checks without an event', {
        ...UP_TO_A_DAY,
        defaultSeconds: 300,
      }),
    )
    .option('--once', 'check once and exit')
    .action(async (flags: Flags) => {
      const stop = new AbortController();
      const intervalMs = flags.interval * 1_000;
      const pauses = new Pauses({
        firstMs: SETTLE_MS,
        mostMs: Math.max(SETTLE_MS, intervalMs),
        nowMs: () => performance.now(),
      });
      if (flags.once === true) {
        process.exitCode = (await restore(flags, pauses, stop.signal)).exitCode;
        return;
      }
      const watch = new Watch({
        look: () =>
          restore(flags, pauses, stop.signal).then(
            ({ nextMs }) => nextMs,
            (error: Error) => {
              if (!stop.signal.aborted) logError(error);
              return undefined;
            },
          ),
        settleMs: SETTLE_MS,
        intervalMs,
      });
      const events = new ManagedConnection({
        open: (signal) => connect(flags.connect, { readOnly: true, signal }),
        // Events before the connection were missed.
        onOpen: async () => watch.nudge(),
      });
      for (const name of REAPPLY_EVENTS) events.on(name, () => watch.nudge());
      try {
        await events.attempt();
        const asked = untilAskedToStop();
        log(`virtune: watching tuned domains of ${flags.connect}`);
        log(`virtune: ${await asked}, closing`);
      } finally {
        stop.abort();
        await Promise.all([watch.close(), events.close()]);
      }
    });
  return addTuneOptions(addRecordOptions(command));
}

/** Result of one check; `nextMs` is set when something could not be restored: when to check again. */
interface Look {
  readonly exitCode: number;
  readonly nextMs: number | undefined;
}

async function restore(flags: Flags, pauses: Pauses, signal: AbortSignal): Promise<Look> {
  const tuned = await withSession(flags, { readOnly: false, signal }, (session) => readTuned(session, []));
  // A failure here should not prevent restoring settings.
  await unlessStopped(signal, () =>
    recordDrift(flags, {
      drifts: tuned.domains.map(driftOf),
      withoutProfile: tuned.withoutProfile.map(({ domain }) => domain.uuid),
      hostname: tuned.host.hostname,
      isWhole: true,
    }).catch(logError),
  );
  const exitCodes: number[] = [];
  const nextMs = await restoreLost(tuned, pauses, {
    ...runOptions({ ...flags, ...NO_RESTART }, signal),
    onBegin: (domains) => {
      const names = domains.map(({ state }) => JSON.stringify(state.domain.name)).join(', ');
      log(`virtune: ${names} lost settings of its profile; restoring them`);
    },
    onOutcome: (outcome) => {
      // The run continues, so each outcome is printed as a line.
      if (flags.json === true) process.stdout.write(`${jsonText(outcomeJson(outcome))}\n`);
      exitCodes.push(printOutcome(outcome, false));
    },
    onRefused: ({ state }, error) => {
      log(`virtune: ${JSON.stringify(state.domain.name)} is not restored now: ${errorText(error)}`);
      exitCodes.push(exitCodeFor(error));
    },
  });
  if (nextMs !== undefined && exitCodes.length > 0 && flags.once !== true)
    log(`virtune: trying again in ${formatSeconds(Math.ceil(nextMs / 1_000))}`);
  return { exitCode: worstExitCode(exitCodes), nextMs };
}

/** Log and continue: the next check may succeed, and libvirt may only be down temporarily. */
function logError(error: Error): void {
  log(`virtune: ${errorText(error)}`);
}
