import {
  type Contention,
  contentionBetween,
  fitsOf,
  type OvercommitDomain,
  overcommitOf,
  type VcpuTimes,
  vcpuTimesOf,
} from '../model/overcommit.ts';
import type { DomainSample, HostSample } from './host-sample.ts';

/** Adds to a sample what only all its parts together tell, and keeps what the next one is compared with. */
export class Reckoning {
  #before: { readonly times: VcpuTimes; readonly atMs: number } | undefined;

  complete(sample: HostSample): HostSample {
    const { host } = sample;
    if (host === undefined) return sample;
    const reckoned = sample.domains.map(toReckon);
    const fits = fitsOf(host, reckoned);
    return {
      ...sample,
      overcommit: overcommitOf(host, reckoned),
      contention: this.#contention(sample),
      domains: sample.domains.map((domain, index) => ({
        ...domain,
        fit: fits[index],
      })),
    };
  }

  #contention(sample: HostSample): Contention | undefined {
    const times = new Map<string, { runNs: number; delayNs: number }>();
    for (const { domain, outcome } of sample.domains) {
      const sums = outcome.kind === 'fresh' ? vcpuTimesOf(outcome.stats) : undefined;
      if (sums !== undefined) times.set(`${domain.uuid} ${domain.id}`, sums);
    }
    const before = this.#before;
    this.#before = { times, atMs: sample.startedAtMs };
    return before && contentionBetween(before.times, times, sample.startedAtMs - before.atMs);
  }
}

function toReckon({ domain, summary, facts, outcome }: DomainSample): OvercommitDomain {
  return {
    name: domain.name,
    run: { active: domain.id !== -1, state: summary.state, reason: summary.reason },
    vcpus: summary.vcpus,
    maximumKiB: summary.maximumKiB,
    memoryKiB: summary.memoryKiB,
    facts,
    stats: outcome.kind === 'fresh' ? outcome.stats : undefined,
  };
}
