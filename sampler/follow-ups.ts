import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { Answered, Extras } from './extras.ts';
import type { FactsCache } from './facts-cache.ts';

/** libvirt's REMOTE_DOMAIN_DISK_ERRORS_MAX. */
const DISK_ERRORS_MAX = 256;

/** Sends a call that the guest may block; undefined if there was no time left for it. */
export type AskDomain = <N extends CallName>(
  name: N,
  args: CallArgs<N>,
) => Promise<CallResult<N> | undefined>;

/** What a domain is asked after its figures, where due: its XML, its job, its failed disks. */
export class FollowUps {
  readonly #facts: FactsCache;
  readonly #extras: Extras;

  constructor(facts: FactsCache, extras: Extras) {
    this.#facts = facts;
    this.#extras = extras;
  }

  async readFacts(domain: Domain, ask: AskDomain): Promise<void> {
    await this.#facts.refresh(domain, async () => (await ask('domainGetXmlDesc', { domain, flags: 0 }))?.xml);
  }

  /** One at a time, each decided once the previous is done. `position`: the domain's position in this tick. */
  *due(
    domain: Domain,
    position: number,
    answered: Answered,
  ): Generator<(ask: AskDomain) => Promise<void>, void, undefined> {
    if (this.#facts.isDue(domain)) {
      yield (ask) => this.readFacts(domain, ask);
    }
    if (this.#extras.isJobDue(domain, position, answered)) {
      yield (ask) => this.#extras.readJob(domain, (flags) => ask('domainGetJobStats', { domain, flags }));
    }
    if (this.#extras.areDiskErrorsDue(domain, answered)) {
      yield (ask) =>
        this.#extras.readDiskErrors(domain, () =>
          ask('domainGetDiskErrors', { domain, maxErrors: DISK_ERRORS_MAX, flags: 0 }),
        );
    }
  }
}
