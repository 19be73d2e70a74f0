import type { Domain } from '../libvirt/wire/types.ts';
import type { ControlFigures } from '../model/extras.ts';

/** A call in flight. */
export interface PendingCall {
  /** Wall clock, ms since 1970. */
  sinceMs: number;
  /** The same moment on the monotonic clock. */
  readonly sentMs: number;
}

/** What is known of one domain between ticks. */
export interface DomainMemory {
  lastFreshAtMs: number | undefined;
  /** The statistics call in flight, if any: the domain is not asked again until it returns. */
  pending: PendingCall | undefined;
  /** A follow-up call has not returned. It waits for the domain's job, which is not a hang. */
  isFollowUpPending: boolean;
  /** Did not answer the last time: asked after the others, so that they need not wait for it. */
  suspect: boolean;
  /** Since when it hangs, wall clock, ms since 1970; undefined while it does not. */
  hungSinceMs: number | undefined;
  /** The state of libvirt's link to the domain, if it was queried in this tick. */
  control: ControlFigures | undefined;
  /** The last tick ended before it was asked: it comes first in the next. */
  late: boolean;
}

/** Remembers domains between ticks. */
export class DomainMemories {
  readonly #byUuid = new Map<string, DomainMemory>();

  find({ uuid }: Domain): DomainMemory | undefined {
    return this.#byUuid.get(uuid);
  }

  of({ uuid }: Domain): DomainMemory {
    let memory = this.#byUuid.get(uuid);
    if (memory === undefined) {
      memory = {
        lastFreshAtMs: undefined,
        pending: undefined,
        isFollowUpPending: false,
        suspect: false,
        hungSinceMs: undefined,
        control: undefined,
        late: false,
      };
      this.#byUuid.set(uuid, memory);
    }
    return memory;
  }

  /** The wall clock was set: shifts remembered times with it. */
  clockSet(byMs: number): void {
    for (const memory of this.#byUuid.values()) {
      if (memory.lastFreshAtMs !== undefined) memory.lastFreshAtMs += byMs;
      if (memory.hungSinceMs !== undefined) memory.hungSinceMs += byMs;
      if (memory.pending !== undefined) memory.pending.sinceMs += byMs;
    }
  }

  /** Starts a tick: forgets domains that are gone, and the link states of the others. */
  startTick(uuids: ReadonlySet<string>): void {
    for (const [uuid, memory] of this.#byUuid) {
      if (uuids.has(uuid)) memory.control = undefined;
      else this.#byUuid.delete(uuid);
    }
  }
}
