import type { Domain } from '../libvirt/wire/types.ts';
import { LIBVIRT_FEATURES } from '../model/libvirt-features.ts';
import { versionNumber } from '../model/versions.ts';

const SINCE = versionNumber(LIBVIRT_FEATURES.autostartOnce.libvirt);
/** It changes by hand and with each boot of the host, and no event reports it. */
const REFRESH_MS = 60_000;
/** An answer older than this is not shown once libvirt fails to confirm it. */
const MAX_AGE_MS = 300_000;
/** It takes one call per domain, and of many domains each has its turn. */
const PER_TICK = 64;

interface Answer {
  readonly isOn: boolean;
  readonly atMs: number;
}

/**
 * Whether domains start at the next boot of the host only (`virsh autostart --once`). No filter of the domain list has
 * it, so each domain is asked once a minute, first those that were asked longest ago.
 */
export class AutostartOnce {
  readonly #now: () => number;
  readonly #askedAtMs = new Map<string, number>();
  readonly #answers = new Map<string, Answer>();
  #due = new Set<string>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `libvirtVersion` by libvirt's number: none is asked while it is unknown or too old. */
  startTick(domains: readonly Domain[], libvirtVersion: number | undefined): void {
    const uuids = new Set(domains.map(({ uuid }) => uuid));
    for (const map of [this.#askedAtMs, this.#answers])
      for (const uuid of map.keys()) if (!uuids.has(uuid)) map.delete(uuid);
    this.#due.clear();
    if ((libvirtVersion ?? 0) < SINCE) return;
    const beforeMs = this.#now() - REFRESH_MS;
    const askedAtMs = (uuid: string): number => this.#askedAtMs.get(uuid) ?? Number.MIN_SAFE_INTEGER;
    const due = [...uuids].filter((uuid) => askedAtMs(uuid) <= beforeMs);
    this.#due = new Set(due.sort((a, b) => askedAtMs(a) - askedAtMs(b)).slice(0, PER_TICK));
  }

  /** Whether this domain is asked in this tick, and has not been yet. */
  isDue({ uuid }: Domain): boolean {
    return this.#due.has(uuid);
  }

  /**
   * `isOn`: undefined where the call failed; the answer before stands until it is too old. An answer that only waits for
   * its next turn does not age: with thousands of domains a turn takes longer than that.
   */
  record({ uuid }: Domain, isOn: boolean | undefined): void {
    const atMs = this.#now();
    this.#due.delete(uuid);
    this.#askedAtMs.set(uuid, atMs);
    if (isOn !== undefined) this.#answers.set(uuid, { isOn, atMs });
    else if (atMs - (this.#answers.get(uuid)?.atMs ?? atMs) > MAX_AGE_MS) this.#answers.delete(uuid);
  }

  of({ uuid }: Domain): boolean | undefined {
    return this.#answers.get(uuid)?.isOn;
  }
}
