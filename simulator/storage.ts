import { diskDemand } from './disk-demand.ts';
import type { Running } from './running.ts';
import type { HostSpec } from './scenario.ts';

/** Upper limit of the time in a full storage queue, ns. */
const QUEUE_NS = 100e6;
const MIB_BYTES = 1_048_576;

/** The storage below all disks of a host, in one step. */
export interface Storage {
  /** Completed fraction of the demand. */
  readonly share: number;
  /** Latency of a request that takes `ns` on idle storage. */
  readonly timeNs: (ns: number) => number;
}

/** A single server with a queue (M/M/1), while the demand is below its capacity. */
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
