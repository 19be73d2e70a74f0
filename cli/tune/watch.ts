import { Command } from 'commander';
import { connect } from '../../libvirt/client/connect.ts';
import { ManagedConnection } from '../../libvirt/client/managed.ts';
import { jsonText } from '../../model/json-text.ts';
import { applyTransaction } from '../../tuner/apply/apply.ts';
import { transactionDomain } from '../../tuner/apply/split-plan.ts';
import { driftOf } from '../../tuner/drift/drift.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { forgotten } from '../../tuner/watch/forgotten.ts';
import { REAPPLY_EVENTS, Watch } from '../../tuner/watch/watch.ts';
import { durationOption } from '../duration-option.ts';
import { errorText, log } from '../log.ts';
import { untilAskedToStop } from '../signals.ts';
import { commandLine } from './command-line.ts';
import { addTuneOptions, type TuneFlags, UP_TO_A_DAY } from './options.ts';
import { outcomeJson, sayOutcome } from './outcome.ts';
import { addRecordOptions, type RecordFlags, recordDrift } from './record-drift.ts';
import { NO_RESTART, runOptions } from './run-options.ts';
import { withSession } from './session.ts';
import { planTuned } from './tuned.ts';

interface Flags extends TuneFlags, RecordFlags {
  readonly interval: number;
  readonly once?: boolean | undefined;
}

/** A domain is left alone for so long after an event. */
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
      if (flags.once === true) {
        process.exitCode = await putRight(flags, stop.signal);
        return;
      }
      const watch = new Watch({
        look: () =>
          putRight(flags, stop.signal).then(
            () => undefined,
            (error: Error) => {
              if (!stop.signal.aborted) said(error);
            },
          ),
        settleMs: SETTLE_MS,
        intervalMs: flags.interval * 1_000,
      });
      const events = new ManagedConnection({
        open: (signal) => connect(flags.connect, { readOnly: true, signal }),
        // Events were missed while nobody listened.
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

/** One look. The exit code of what it did. */
async function putRight(flags: Flags, signal: AbortSignal): Promise<number> {
  const { plan, basis } = await withSession(flags, { readOnly: false, signal }, async (session) => ({
    ...(await planTuned(session, [])),
    basis: session.basis,
  }));
  // What was lost is restored all the same.
  await unlessStopped(signal, () =>
    recordDrift(flags, {
      drifts: plan.domains.map(driftOf),
      hostname: plan.host.hostname,
      isWhole: true,
    }).catch(said),
  );
  const lost = plan.domains.filter((domain) => forgotten(domain).length > 0);
  if (lost.length === 0) return 0;
  const names = lost.map(({ state }) => JSON.stringify(state.domain.name)).join(', ');
  log(`virtune: ${names} lost settings of its profile; restoring them`);
  const outcome = await applyTransaction(
    {
      id: plan.id,
      uri: plan.host.uri,
      hostname: plan.host.hostname,
      command: commandLine(),
      domains: lost.map(({ state, profile }) => transactionDomain(state, profile.name)),
      steps: lost.flatMap(forgotten),
      basis,
      notes: [],
    },
    runOptions({ ...flags, ...NO_RESTART }, signal),
  );
  // It goes on: each outcome is a line.
  if (flags.json === true) process.stdout.write(`${jsonText(outcomeJson(outcome))}\n`);
  return sayOutcome(outcome, false);
}

/** What failed once may go well at the next look; libvirt may be away just now. */
function said(error: Error): void {
  log(`virtune: ${errorText(error)}`);
}
