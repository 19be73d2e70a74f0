import type { HostFigures } from '../model/host.ts';
import { type Contention, fitsOf, type OvercommitDomain, overcommitOf } from '../model/overcommit.ts';
import { ContentionTracker } from './contention-tracker.ts';
import type { DomainSample, HostSample } from './host-sample.ts';

/** Adds overcommit and contention to a sample, and keeps what the next one is compared with. */
export class OvercommitTracker {
  readonly #contention = new ContentionTracker();

  complete(sample: HostSample): HostSample {
    const { host } = sample;
    return host === undefined ? sample : completed(sample, host, this.#contention.next(sample));
  }

  /** Like complete(), but the next sample is not compared with this one. */
  preview(sample: HostSample): HostSample {
    const { host } = sample;
    return host === undefined ? sample : completed(sample, host, this.#contention.preview(sample));
  }
}

function completed(sample: HostSample, host: HostFigures, contention: Contention | undefined): HostSample {
  const domains = sample.domains.map(overcommitDomain);
  const fits = fitsOf(host, domains);
  return {
    ...sample,
    overcommit: overcommitOf(host, domains),
    contention,
    domains: sample.domains.map((domain, index) => ({ ...domain, fit: fits[index] })),
  };
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
