import type { HostSample } from '../../sampler/host-sample.ts';

/** A run of a VM, and the CPU time of its vCPUs when it was sampled. */
interface Known {
  readonly runId: number;
  readonly timeNs: number;
  readonly atMs: number;
}

/**
 * CPUs that the other VMs of a host use: a covariate of experiments, since their demand does not depend on this VM. A
 * VM counts from its second sample on.
 */
export class OthersUsage {
  readonly #own: string;
  #known = new Map<string, Known>();
  #hasSample = false;

  /** @param own UUID of the VM that is left out. */
  constructor(own: string) {
    this.#own = own;
  }

  /** Adds the next sample; undefined for the first. */
  next({ domains }: HostSample): number | undefined {
    const known = new Map<string, Known>();
    let cpus = 0;
    for (const { domain, outcome } of domains) {
      if (domain.uuid === this.#own || outcome.kind !== 'fresh') continue;
      const timeNs = [...outcome.stats.vcpus.values()].reduce((sum, vcpu) => sum + (vcpu.timeNs ?? 0), 0);
      const now = { runId: domain.id, timeNs, atMs: outcome.atMs };
      known.set(domain.uuid, now);
      const before = this.#known.get(domain.uuid);
      if (before?.runId !== now.runId || now.atMs <= before.atMs || now.timeNs < before.timeNs) continue;
      cpus += (now.timeNs - before.timeNs) / 1e6 / (now.atMs - before.atMs);
    }
    this.#known = known;
    const isFirst = !this.#hasSample;
    this.#hasSample = true;
    return isFirst ? undefined : cpus;
  }
}
