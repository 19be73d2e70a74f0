import type { CallResult } from '../libvirt/calls/all.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { VcpuPlace } from '../model/summary.ts';

interface Known {
  /** A new run of the domain may be placed elsewhere. */
  readonly runId: number;
  readonly places: readonly VcpuPlace[];
  readonly tick: number;
}

/**
 * Which pCPU each vCPU was last seen on. That takes one call per domain, so only a limited number of domains is asked
 * in one tick, round robin; in between, the last answer is kept.
 */
export class VcpuPlacement {
  readonly #perTick: number;
  readonly #known = new Map<string, Known>();
  #due: ReadonlySet<string> = new Set();
  #next = 0;
  #tick = 0;

  constructor(perTick = Number.POSITIVE_INFINITY) {
    this.#perTick = perTick;
  }

  startTick(domains: readonly Domain[]): void {
    this.#tick++;
    const running = domains.filter((domain) => domain.id !== -1).map((domain) => domain.uuid);
    const uuids = new Set(running);
    for (const uuid of this.#known.keys()) if (!uuids.has(uuid)) this.#known.delete(uuid);
    if (running.length <= this.#perTick) {
      this.#due = uuids;
      return;
    }
    const from = this.#next % running.length;
    this.#next = from + this.#perTick;
    this.#due = new Set([...running, ...running].slice(from, from + this.#perTick));
  }

  /** Whether this domain is asked in this tick, and has not answered yet. */
  isDue({ uuid }: Domain): boolean {
    return this.#due.has(uuid) && this.#known.get(uuid)?.tick !== this.#tick;
  }

  record(domain: Domain, { info }: CallResult<'domainGetVcpus'>): void {
    const places = info.map(({ number, cpu }) => ({ vcpu: number, cpu }));
    this.#known.set(domain.uuid, { runId: domain.id, places, tick: this.#tick });
  }

  of(domain: Domain): readonly VcpuPlace[] | undefined {
    const known = this.#known.get(domain.uuid);
    return known?.runId === domain.id ? known.places : undefined;
  }
}
