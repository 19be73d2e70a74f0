import type { Domain } from '../libvirt/wire/types.ts';
import type { ControlFigures } from '../model/extras.ts';

/** A call that has not come back. */
export interface CallOut {
  /** Wall clock, ms since 1970. */
  sinceMs: number;
  /** The same moment by the clock that never jumps. */
  readonly sentMs: number;
}

/** What is known of one domain between ticks. */
export interface DomainMemory {
  lastFreshAtMs: number | undefined;
  /** A call past its deadline that has not come back: the domain is not asked again until it does. */
  out: CallOut | undefined;
  /** One of the calls after the figures has not come back. It waits for the domain's job, which is not a hang. */
  isFollowUpOut: boolean;
  /** It did not answer the last time: it is asked after the others, so that they need not wait for it. */
  suspect: boolean;
  /** Wall clock, ms since 1970: since when it hangs; absent while it does not. */
  hungSinceMs: number | undefined;
  /** How libvirt describes its link to the domain, where it was asked in this tick. */
  control: ControlFigures | undefined;
  /** The last tick was over before it was asked: it comes first in the next. */
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
        out: undefined,
        isFollowUpOut: false,
        suspect: false,
        hungSinceMs: undefined,
        control: undefined,
        late: false,
      };
      this.#byUuid.set(uuid, memory);
    }
    return memory;
  }

  /** The wall clock was set: what is remembered moves with it. */
  clockSet(byMs: number): void {
    for (const memory of this.#byUuid.values()) {
      if (memory.lastFreshAtMs !== undefined) memory.lastFreshAtMs += byMs;
      if (memory.hungSinceMs !== undefined) memory.hungSinceMs += byMs;
      if (memory.out !== undefined) memory.out.sinceMs += byMs;
    }
  }

  /** Begins a tick: forgets domains that are gone, and how libvirt reached the others. */
  startTick(uuids: ReadonlySet<string>): void {
    for (const [uuid, memory] of this.#byUuid) {
      if (uuids.has(uuid)) memory.control = undefined;
      else this.#byUuid.delete(uuid);
    }
  }
}
