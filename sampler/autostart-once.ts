import type { Domain } from '../libvirt/wire/types.ts';
import { LIBVIRT_FEATURES } from '../model/libvirt-features.ts';
import { versionNumber } from '../model/versions.ts';

const SINCE = versionNumber(LIBVIRT_FEATURES.autostartOnce.libvirt);
/** Changed by users and by each boot of the host, and no event reports it. */
const REFRESH_MS = 60_000;
/** How long an answer stays valid while the calls that would confirm it fail. */
const UNCONFIRMED_MAX_MS = 300_000;
/** Domains per tick whose answer is refreshed, at one call each. */
const PER_TICK = 64;

interface Answer {
  readonly isOn: boolean;
  readonly atMs: number;
}

/**
 * Whether domains start at the next boot of the host only (`virsh autostart --once`). The domain list has no filter for
 * it, so each domain is asked: a new one at once, the others at most once a minute, `PER_TICK` per tick, oldest answer
 * first.
 */
export class AutostartOnce {
  readonly #steadyMs: () => number;
  readonly #answers = new Map<string, Answer>();
  readonly #failingSinceMs = new Map<string, number>();
  #due = new Set<string>();

  constructor(steadyMs: () => number) {
    this.#steadyMs = steadyMs;
  }

  /** After a new connection, perhaps to a host that has booted since. */
  forget(): void {
    this.#answers.clear();
    this.#failingSinceMs.clear();
  }

  /** `libvirtVersion` as libvirt's number: none is asked while it is unknown or too old. */
  startTick(domains: readonly Domain[], libvirtVersion: number | undefined): void {
    this.#due.clear();
    if ((libvirtVersion ?? 0) < SINCE) return this.forget();
    const uuids = new Set(domains.map(({ uuid }) => uuid));
    for (const map of [this.#answers, this.#failingSinceMs])
      for (const uuid of map.keys()) if (!uuids.has(uuid)) map.delete(uuid);
    const beforeMs = this.#steadyMs() - REFRESH_MS;
    const old = [...this.#answers].filter(([, { atMs }]) => atMs <= beforeMs);
    const turn = old.sort(([, a], [, b]) => a.atMs - b.atMs).slice(0, PER_TICK);
    this.#due = new Set([
      ...[...uuids].filter((uuid) => !this.#answers.has(uuid)),
      ...turn.map(([uuid]) => uuid),
    ]);
  }

  /** Whether this domain is asked in this tick, and has not been yet. */
  isDue({ uuid }: Domain): boolean {
    return this.#due.has(uuid);
  }

  /** `isOn`: undefined where the call failed; the domain is asked again in the next tick. */
  record({ uuid }: Domain, isOn: boolean | undefined): void {
    const atMs = this.#steadyMs();
    this.#due.delete(uuid);
    if (isOn !== undefined) {
      this.#answers.set(uuid, { isOn, atMs });
      this.#failingSinceMs.delete(uuid);
      return;
    }
    const failingSinceMs = this.#failingSinceMs.get(uuid) ?? atMs;
    this.#failingSinceMs.set(uuid, failingSinceMs);
    if (atMs - failingSinceMs > UNCONFIRMED_MAX_MS) this.#answers.delete(uuid);
  }

  of({ uuid }: Domain): boolean | undefined {
    return this.#answers.get(uuid)?.isOn;
  }
}
