import type { ManagedConnection } from '../libvirt/client/managed.ts';
import { DomainState, LifecycleEvent, StoppedDetail, SuspendedDetail } from '../libvirt/constants.ts';
import { hasFailed, isMigrationCopy } from '../model/run-state.ts';
import type { Crash, DomainSample } from './host-sample.ts';

/** How long to remember a VM that libvirt no longer lists: a transient VM disappears together with its QEMU process. */
const KEEP_MS = 86_400_000;
/** Bounds memory on a host where VMs keep crashing. */
const KEEP_MAX = 100;
/** As many VMs as libvirt lists (REMOTE_DOMAIN_LIST_MAX). */
const ALIVE_MAX = 16_384;

/**
 * Which VMs have crashed and not run since, and when. libvirt does not record the time, and forgets a transient VM at
 * once: only the event reports its crash.
 */
export class Crashes {
  readonly #nowMs: () => number;
  /** UUIDs of VMs that run here. Excludes the stopped copy of a migration: it may end while its VM runs on. */
  readonly #alive = new Set<string>();
  readonly #crashes = new Map<string, Crash>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get all(): readonly Crash[] {
    return [...this.#crashes.values()];
  }

  watch(control: Pick<ManagedConnection, 'on'>): void {
    control.on('lifecycle', ({ domain: { uuid, name }, event, detail }) => {
      const runs = event === LifecycleEvent.started || event === LifecycleEvent.resumed;
      // Bounded, since there is no limit to events; the next sample adds the VMs that exist.
      if (runs && this.#alive.size < ALIVE_MAX) this.#alive.add(uuid);
      if (event === LifecycleEvent.suspended && MOVING.has(detail)) this.#alive.delete(uuid);
      if (event === LifecycleEvent.undefined) this.#crashes.delete(uuid);
      if (event !== LifecycleEvent.stopped) return;
      // libvirt reports "failed" for a QEMU that died, and for an incoming migration that did not complete.
      const crashed = detail === StoppedDetail.crashed || detail === StoppedDetail.failed;
      if (this.#alive.delete(uuid) && crashed) this.#note(uuid, name);
    });
  }

  /** Reconciles with what libvirt lists; `sinceMs`: when it was asked, wall clock. Later events take precedence. */
  update(domains: readonly DomainSample[], sinceMs: number): void {
    const listed = new Set(domains.map(({ domain }) => domain.uuid));
    const running = new Set<string>();
    for (const { domain, summary } of domains) {
      const run = { active: domain.id !== -1, state: summary.state, reason: summary.reason };
      if (run.active) running.add(domain.name);
      // Not asked in time: nothing new is known of this VM.
      if (run.state === undefined || (run.state === DomainState.shutoff && run.reason === undefined))
        continue;
      if (hasFailed(run)) {
        this.#alive.delete(domain.uuid);
        if (!this.#crashes.has(domain.uuid)) this.#note(domain.uuid, domain.name);
        continue;
      }
      if (!this.#isNewer(domain.uuid, sinceMs)) {
        this.#crashes.delete(domain.uuid);
        if (run.active && !isMigrationCopy(run)) this.#alive.add(domain.uuid);
        else this.#alive.delete(domain.uuid);
      }
    }
    for (const uuid of this.#alive) if (!listed.has(uuid)) this.#alive.delete(uuid);
    for (const [uuid, { name, atMs }] of this.#crashes) {
      const isBack = running.has(name) && !listed.has(uuid);
      if (isBack || (!listed.has(uuid) && this.#nowMs() - atMs > KEEP_MS)) this.#crashes.delete(uuid);
    }
  }

  /** The wall clock was set: shifts remembered times with it. */
  clockSet(byMs: number): void {
    for (const [uuid, crash] of this.#crashes) this.#crashes.set(uuid, { ...crash, atMs: crash.atMs + byMs });
  }

  #isNewer(uuid: string, sinceMs: number): boolean {
    return (this.#crashes.get(uuid)?.atMs ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  #note(uuid: string, name: string): void {
    this.#crashes.set(uuid, { uuid, name, atMs: this.#nowMs() });
    const [oldest] = this.#crashes.keys();
    if (this.#crashes.size > KEEP_MAX && oldest !== undefined) this.#crashes.delete(oldest);
  }
}

const MOVING: ReadonlySet<number> = new Set([SuspendedDetail.migrated, SuspendedDetail.postCopy]);
