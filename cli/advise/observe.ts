import { DEFAULT_URI } from '../../advice/commands.ts';
import { HostWindow } from '../../advice/host-window.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { LibvirtClientError } from '../../libvirt/errors.ts';
import { formatSeconds } from '../../model/duration.ts';
import { readCpuShares } from '../../sampler/cpu-shares.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { RateTracker } from '../../sampler/rate-tracker.ts';
import { Recording } from '../../sampler/record/recording.ts';
import { credentialsOf } from '../credentials.ts';
import { busyClock } from '../demo-clock.ts';
import { errorText, log } from '../log.ts';
import { stopSignal } from '../signals.ts';
import { openHosts } from '../top/sources.ts';
import type { AdviseFlags } from './flags.ts';
import { gather, samplesMax } from './gather.ts';

export interface Observed {
  readonly name: string;
  readonly observation: HostObservation;
}

/** Groups that explain steal and slow memory, in addition to those of the console. */
const MORE_GROUPS = ['cgroup', 'numa'];

/**
 * Observes each host over a whole recording. When there are more samples than fit into memory, takes every second,
 * third and so on, and the last one: rates are then averages over longer intervals.
 * @param kept number of samples to keep for a number of VMs
 * @throws RecordingError
 */
export function observeRecording(file: string, kept = samplesMax): Observed[] {
  const recording = Recording.open(file);
  try {
    return recording.hosts.flatMap(({ name }) => {
      const observation = observedIn(recording, name, kept);
      return observation === undefined ? [] : [{ name, observation }];
    });
  } finally {
    recording.close();
  }
}

function observedIn(
  recording: Recording,
  name: string,
  kept: typeof samplesMax,
): HostObservation | undefined {
  const indexes = recording.indexesOf(name);
  const [first = 0] = indexes;
  const { host, sample } = recording.read(first);
  const max = kept(sample.domains.length);
  const step = Math.ceil(indexes.length / max);
  const window = new HostWindow({ uri: host.uri, groups: new Set(host.groups), max });
  const tracker = new RateTracker();
  indexes.forEach((index, count) => {
    if (count % step !== 0 && count !== indexes.length - 1) return;
    const read = recording.read(index);
    window.add(read.sample, tracker.next(read.sample));
  });
  return window.observation;
}

/**
 * Observes a host for the time given in the flags, or until a signal, and calls `then` while the host is still
 * connected.
 * @param check throws when the first sample already shows an error
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
      // Reports a wrong URI or a missing permission at once.
      await host.attempt();
      const signal = stopSignal();
      log(`virtune advise: observing ${host.name} for ${formatSeconds(flags.for)}; Ctrl-C to end early`);
      const gathered = await gather(host, { ...flags, signal, check });
      const observation = gathered?.window.observation;
      if (gathered === undefined || observation === undefined) return;
      const cpuShares = await sharesOf(host.uri, gathered.newest, flags);
      // The socket of a demo no longer exists by the time a user reads its commands.
      const commandUri = demo === undefined ? observation.uri : DEFAULT_URI;
      await then({
        name: host.name,
        uri: host.uri,
        isDemo: demo !== undefined,
        observation: { ...observation, uri: commandUri, cpuShares },
      });
      if (demo !== undefined)
        log(
          'virtune advise: the simulated host ends with this command; on a real host with these VMs, the commands above would apply',
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

/** CPU shares in effect now; a host that does not report them, or is down by then, gets no command with a number. */
async function sharesOf(
  uri: string,
  { domains }: HostSample,
  flags: AdviseFlags,
): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const connection = await connect(uri, { readOnly: true, credentials: await credentialsOf(flags) });
    try {
      return await readCpuShares(
        connection,
        domains.map(({ domain }) => domain),
      );
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof LibvirtClientError)) throw error;
    log(`virtune advise: no CPU shares, so no command sets them: ${errorText(error)}`);
    return undefined;
  }
}
