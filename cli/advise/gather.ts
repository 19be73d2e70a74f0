import { setTimeout as sleep } from 'node:timers/promises';
import { HostWindow } from '../../advice/host-window.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { formatSeconds } from '../../model/duration.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { RateTracker } from '../../sampler/rate-tracker.ts';
import type { HostSource } from '../../tui/feed/live.ts';
import { errorText, log } from '../log.ts';

export interface Gathered {
  readonly window: HostWindow;
  readonly newest: HostSample;
}

export interface GatherOptions {
  /** Seconds. */
  readonly for: number;
  readonly every: number;
  /** Ends the observation early. */
  readonly signal: AbortSignal;
  /** Throws when the first sample already shows an error, such as an unknown VM. */
  readonly check: (first: HostObservation) => void;
}

/**
 * Samples a host for the time given in the options. While the host cannot be asked, as during a restart of its daemon,
 * the failure is logged once, and samples from before and after still count.
 * @returns undefined if the signal came before the first sample
 * @throws why the first sample failed, or what `check` throws
 */
export async function gather(
  host: Pick<HostSource, 'name' | 'uri' | 'groups' | 'sample'>,
  { for: forSeconds, every, signal, check }: GatherOptions,
): Promise<Gathered | undefined> {
  if (signal.aborted) return undefined;
  const startedMs = performance.now();
  const untilMs = startedMs + forSeconds * 1_000;
  const tracker = new RateTracker();
  let newest = await host.sample();
  const { max, everySeconds } = bounded(newest.domains.length, forSeconds, every);
  const window = new HostWindow({ uri: host.uri, groups: host.groups, max });
  window.add(newest, tracker.next(newest));
  if (window.observation !== undefined) check(window.observation);
  if (everySeconds > every) {
    log(
      `virtune advise: sampling every ${formatSeconds(everySeconds)} instead of ${formatSeconds(every)}: only ${max} samples of ${newest.domains.length} VMs fit into memory`,
    );
  }
  let isDown = false;
  for (let nextMs = startedMs; ; ) {
    nextMs = Math.max(nextMs + everySeconds * 1_000, performance.now());
    if (nextMs > untilMs) break;
    await sleep(Math.max(0, nextMs - performance.now()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    try {
      newest = await host.sample();
      window.add(newest, tracker.next(newest));
      if (isDown) log(`virtune advise: ${host.name} is sampled again`);
      isDown = false;
    } catch (error) {
      if (!isDown) {
        log(
          `virtune advise: cannot sample ${host.name}, retrying until the observation ends: ${errorText(error as Error)}`,
        );
      }
      isDown = true;
    }
  }
  return { window, newest };
}

/** Values kept across all VMs, 8 bytes each; sorting doubles them, and V8 allows 2 to 4 GB. */
const FIGURES_MAX = 100_000_000;
/** For a VM with four vCPUs, two disks and a NIC, including the places of its vCPUs. */
const FIGURES_PER_VM = 50;
/** Bounds, regardless of the number of VMs. */
const [SAMPLES_LEAST, SAMPLES_MOST] = [300, 10_800];

/** Samples kept for a host with this many VMs. */
export function samplesMax(vms: number): number {
  const most = Math.floor(FIGURES_MAX / (Math.max(1, vms) * FIGURES_PER_VM));
  return Math.min(SAMPLES_MOST, Math.max(SAMPLES_LEAST, most));
}

/** The interval at which all samples of `forSeconds` fit into `samplesMax`. */
function bounded(
  vms: number,
  forSeconds: number,
  every: number,
): { readonly max: number; readonly everySeconds: number } {
  const max = samplesMax(vms);
  return { max, everySeconds: forSeconds / every <= max ? every : Math.ceil((forSeconds / max) * 10) / 10 };
}
