import type { HostFigures } from '../model/host.ts';
import {
  contentionBetween,
  fitsOf,
  type OvercommitDomain,
  overcommitOf,
  type VcpuTimes,
} from '../model/overcommit.ts';
import type { DomainSample, HostSample } from './host-sample.ts';
import { vcpuTimesByRun } from './rate-tracker.ts';

/** Adds overcommit and contention to a sample, and keeps what the next one is compared with. */
export class OvercommitTracker {
  #before: { readonly times: VcpuTimes; readonly atMs: number } | undefined;

  complete(sample: HostSample): HostSample {
    if (sample.host === undefined) return sample;
    const times = vcpuTimesByRun(sample);
    const completed = this.#completed(sample, sample.host, times);
    this.#before = { times, atMs: sample.startedAtMs };
    return completed;
  }

  /** The same of a sample that the next one is not compared with. */
  preview(sample: HostSample): HostSample {
    return sample.host === undefined ? sample : this.#completed(sample, sample.host, vcpuTimesByRun(sample));
  }

  #completed(sample: HostSample, host: HostFigures, times: VcpuTimes): HostSample {
    const domains = sample.domains.map(overcommitDomain);
    const fits = fitsOf(host, domains);
    const before = this.#before;
    return {
      ...sample,
      overcommit: overcommitOf(host, domains),
      contention: before && contentionBetween(before.times, times, sample.startedAtMs - before.atMs),
      domains: sample.domains.map((domain, index) => ({ ...domain, fit: fits[index] })),
    };
  }
}

function overcommitDomain({ domain, summary, facts, outcome }: DomainSample): OvercommitDomain {
  return {
    name: domain.name,
    run: { active: domain.id !== -1, state: summary.state, reason: summary.reason },
    vcpus: summary.vcpus,
    maximumKiB: summary.maximumKiB,
    memoryKiB: summary.memoryKiB,
    facts,
    marks: summary.marks,
    stats: outcome.kind === 'fresh' ? outcome.stats : undefined,
  };
}
