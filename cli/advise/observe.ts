import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_URI } from '../../advice/commands.ts';
import { HostWindow } from '../../advice/host-window.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { formatSeconds } from '../../model/duration.ts';
import { readCpuShares } from '../../sampler/cpu-shares.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { RateTracker } from '../../sampler/rate-tracker.ts';
import { Recording } from '../../sampler/record/recording.ts';
import { credentialsOf } from '../credentials.ts';
import { busyClock } from '../demo-clock.ts';
import { log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { type AskedHost, openHosts } from '../top/sources.ts';
import type { AdviseFlags } from './flags.ts';

export interface Observed {
  readonly name: string;
  readonly observation: HostObservation;
}

/** Figures that explain steal and slow memory, beside those of the console. */
const MORE_GROUPS = ['cgroup', 'numa'];

/** Each host of a recording, over all its samples. @throws RecordingError */
export function observeRecording(file: string): Observed[] {
  const recording = Recording.open(file);
  const windows = new Map<string, { window: HostWindow; tracker: RateTracker }>();
  try {
    for (let index = 0; index < recording.length; index++) {
      const { host, sample } = recording.read(index);
      const known = windows.get(host.name) ?? {
        window: new HostWindow({ uri: host.uri, groups: new Set(host.groups) }),
        tracker: new RateTracker(),
      };
      windows.set(host.name, known);
      known.window.add(sample, known.tracker.next(sample));
    }
  } finally {
    recording.close();
  }
  return [...windows].flatMap(([name, { window }]) =>
    window.observation === undefined ? [] : [{ name, observation: window.observation }],
  );
}

/**
 * Observes a host for as long as the flags say, or until a signal, and calls `then` while it can still be asked.
 * @param check throws for what the first sample shows to be wrong
 */
export async function observeLive(
  flags: AdviseFlags,
  check: (first: HostObservation) => void,
  then: (observed: Observed & { readonly uri: string; readonly isDemo: boolean }) => Promise<void>,
): Promise<void> {
  const demo = await startDemo(flags);
  try {
    const target = demo === undefined ? flags.connect : `${demo.scenario.name}=${demo.uri}`;
    const [host] = await openHosts([target], { ...flags, also: MORE_GROUPS });
    if (host === undefined) return;
    try {
      // A wrong URI or a missing permission is an error at once.
      await host.attempt();
      const { window, newest } = await gather(host, flags, check);
      const observation = window.observation;
      if (observation === undefined || newest === undefined) return;
      const cpuShares = await sharesOf(host.uri, newest, flags);
      // The socket of a demo is gone before its commands are read.
      const commandUri = demo === undefined ? observation.uri : DEFAULT_URI;
      await then({
        name: host.name,
        uri: host.uri,
        isDemo: demo !== undefined,
        observation: { ...observation, uri: commandUri, cpuShares },
      });
      if (demo !== undefined)
        log(
          'virtune advise: the demo host ends with this command; the commands above are as for a host with these VMs',
        );
    } finally {
      await host.close();
    }
  } finally {
    await demo?.stop();
  }
}

async function startDemo({ demo }: AdviseFlags) {
  if (demo === undefined) return undefined;
  const simulator = await import('../../simulator/demo.ts');
  return simulator.startDemo({ scenario: demo === true ? undefined : demo, now: busyClock() });
}

async function gather(
  host: AskedHost,
  flags: AdviseFlags,
  check: (first: HostObservation) => void,
): Promise<{ window: HostWindow; newest: HostSample | undefined }> {
  const window = new HostWindow({ uri: host.uri, groups: host.groups });
  const tracker = new RateTracker();
  const signal = stopSignal();
  log(`virtune advise: observing ${host.name} for ${formatSeconds(flags.for)}; Ctrl-C to end early`);
  const untilMs = performance.now() + flags.for * 1_000;
  let newest: HostSample | undefined;
  while (!signal.aborted) {
    const startedMs = performance.now();
    const isFirst = newest === undefined;
    newest = await host.sample();
    window.add(newest, tracker.next(newest));
    if (isFirst && window.observation !== undefined) check(window.observation);
    const nextMs = startedMs + flags.every * 1_000;
    if (nextMs > untilMs) break;
    await sleep(Math.max(0, nextMs - performance.now()), undefined, { signal }).catch(() => undefined);
  }
  return { window, newest };
}

/** What the kernel uses now; a host that does not report it gets no command with a number. */
async function sharesOf(
  uri: string,
  { domains }: HostSample,
  flags: AdviseFlags,
): Promise<ReadonlyMap<string, number>> {
  const connection = await connect(uri, { readOnly: true, credentials: await credentialsOf(flags) });
  try {
    return await readCpuShares(
      connection,
      domains.map(({ domain }) => domain),
    );
  } finally {
    await connection.close();
  }
}
