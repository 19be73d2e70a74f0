import type { HostUsage } from './usage.ts';

/** Highest demand of all VMs, as a share of the CPUs; the rest is for bursts. */
const ROOMY = 0.85;
/** Memory reserved for the host, as for other advice: a twentieth, and at least 1 GiB. */
const RESERVE_SHARE = 0.05;
const RESERVE_MIN_BYTES = 1024 ** 3;

/** What a host can give to VMs that need more. All advice together never exceeds it. */
export class HostRoom {
  #cpus: number;
  #bytes: number;

  constructor({ cpus, demandP95Cpus, memoryBytes, availableBytes }: HostUsage) {
    this.#cpus = ROOMY * cpus - demandP95Cpus;
    this.#bytes = (availableBytes ?? 0) - Math.max(RESERVE_MIN_BYTES, RESERVE_SHARE * (memoryBytes ?? 0));
  }

  /** CPUs and bytes that are left. */
  get cpus(): number {
    return Math.max(0, this.#cpus);
  }

  get bytes(): number {
    return Math.max(0, this.#bytes);
  }

  /** Allots this many CPUs if they are available; returns whether it did. */
  takeCpus(cpus: number): boolean {
    if (cpus > this.#cpus) return false;
    this.#cpus -= cpus;
    return true;
  }

  takeBytes(bytes: number): boolean {
    if (bytes > this.#bytes) return false;
    this.#bytes -= bytes;
    return true;
  }
}
