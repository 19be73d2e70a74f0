import { availableKiB } from '../model/host-missing.ts';
import type { HostSample } from '../sampler/host-sample.ts';

/** Memory that advice leaves to the host: a twentieth, and 1 GiB at least. */
const RESERVE_SHARE = 0.05;
const RESERVE_MIN_KIB = 1_048_576;

/** Memory that advice may allot: free memory of the host less a reserve. All advice together never exceeds it. */
export class MemoryBudget {
  /** Undefined where the host did not report its memory: then nothing is allotted. */
  readonly freeKiB: number | undefined;
  readonly reserveKiB: number;
  #leftKiB: number;

  constructor({ host }: HostSample) {
    const totalKiB = host?.memoryKiB.get('total') ?? 0;
    // Page cache counts only where the kernel or libvirt reports its available part: it may hold memory of VMs.
    this.freeKiB = host && (availableKiB(host) ?? host.memoryKiB.get('free'));
    this.reserveKiB = Math.max(RESERVE_MIN_KIB, totalKiB * RESERVE_SHARE);
    this.#leftKiB = Math.max(0, (this.freeKiB ?? 0) - this.reserveKiB);
  }

  get leftKiB(): number {
    return this.#leftKiB;
  }

  /** Allots this much if it is available; returns whether it did. */
  take(kib: number): boolean {
    if (kib > this.#leftKiB) return false;
    this.#leftKiB -= kib;
    return true;
  }
}
