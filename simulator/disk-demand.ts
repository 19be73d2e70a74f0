import type { Running } from './running.ts';

/** Requests per second that a VM would send to one of its disks, as far as QEMU's limits let it. */
export interface DiskDemand {
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  readonly bytes: number;
  /** Whether it is throttled: it wants more than its limits allow. */
  readonly isThrottled: boolean;
}

/**
 * Demand for the disk with that index. The last disk is the data disk and gets nine tenths. `pace`: fraction of the
 * demand that the VM's CPU time and memory let it send.
 */
export function diskDemand({ facts, demand }: Running, index: number, pace = 1): DiskDemand {
  const { length } = facts.disks;
  const part = length === 1 ? 1 : index === length - 1 ? 0.9 : 0.1 / (length - 1);
  const requests = (demand.readRequests + demand.writeRequests) * part * pace;
  const bytes = requests * demand.requestBytes;
  const limits = facts.disks[index]?.limits;
  const allowed = limits === undefined ? 1 : Math.min(1, limits.bytes / bytes, limits.requests / requests);
  return {
    reads: demand.readRequests * part * pace * allowed,
    writes: demand.writeRequests * part * pace * allowed,
    flushes: demand.flushRequests * part * pace,
    bytes: bytes * allowed,
    isThrottled: allowed < 1,
  };
}
