import { diskDemand } from './disk-demand.ts';
import type { Running } from './running.ts';
import type { HostSpec } from './scenario.ts';

/** A disk that has to wait for the storage waits for a full queue at most, ns. */
const QUEUE_NS = 100e6;
const MIB_BYTES = 1_048_576;

/** What is below all disks of a host, in one step. */
export interface Storage {
  /** Of what is asked, what is done. */
  readonly share: number;
  /** How long a request takes that would take `ns` on storage that nobody else uses. */
  readonly timeNs: (ns: number) => number;
}

/** One server with a queue before it (M/M/1), as long as it is not asked for more than it has. */
export function storageOf({ storageMiBps }: HostSpec, running: readonly Running[]): Storage {
  let askedBytes = 0;
  for (const each of running)
    each.facts.disks.forEach((_, index) => {
      askedBytes += diskDemand(each, index).bytes;
    });
  const load = askedBytes / (storageMiBps * MIB_BYTES);
  return {
    share: Math.min(1, 1 / Math.max(load, 1e-9)),
    timeNs: (ns) => (load >= 1 ? QUEUE_NS : Math.min(QUEUE_NS, ns / (1 - load))),
  };
}
