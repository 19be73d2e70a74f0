import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import { DomainState, ListFlag } from '../libvirt/constants.ts';
import { RemoteError } from '../libvirt/errors.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import type { DomainSummary } from '../model/summary.ts';
import type { AutostartOnce } from './autostart-once.ts';
import { CpuTimeSources } from './cpu-time-source.ts';
import { Outstanding } from './outstanding.ts';
import type { VcpuPlacement } from './vcpu-placement.ts';

/** How many of a connection's four calls may be stuck, so that the list and the states always get through. */
const STUCK_MAX = 2;

/** The states that the list can be filtered by. */
const LISTED_STATES = [
  [DomainState.running, ListFlag.running],
  [DomainState.paused, ListFlag.paused],
  [DomainState.shutoff, ListFlag.shutoff],
] as const;

/** domainGetCpuStats: the total over all CPUs, which has these three figures. */
const CPU_TOTAL = { nparams: 3, startCpu: -1, ncpus: 1, flags: 0 };

export interface SummaryOptions {
  readonly withCpuTimes: boolean;
  readonly vcpuPlacement?: VcpuPlacement | undefined;
  readonly autostartOnce?: AutostartOnce | undefined;
}

/** What sends a call: a connection, or a pool that picks one. */
export type Caller = Pick<Connection, 'call'>;

/** `atMs`: wall clock just before the call went out. */
export type CpuTimes =
  | { readonly params: CallResult<'domainGetCpuStats'>['params']; readonly atMs: number }
  | undefined;

/**
 * Reads what libvirt knows of domains without asking their QEMU. None of these calls waits for a monitor according to
 * the sources of libvirt 9.0 to 12.9; one that does anyway is bounded, and abandoned.
 */
export class Summaries {
  readonly #timeoutMs: number;
  readonly #nowMs: () => number;
  readonly #outstanding = new Outstanding(STUCK_MAX);
  readonly #sources = new CpuTimeSources();

  constructor(timeoutMs: number, nowMs: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#nowMs = nowMs;
  }

  /**
   * Whatever cannot be read is absent. `via`: a connection, or a pool of them. What libvirt would copy from the
   * definition is taken from the facts where known, which saves one call per domain.
   */
  async read(
    via: Caller,
    domain: Domain,
    facts: DomainFacts | undefined,
    { withCpuTimes, vcpuPlacement, autostartOnce }: SummaryOptions,
    asked?: Promise<CpuTimes>,
  ): Promise<Omit<DomainSummary, 'marks'>> {
    // A domain without an id is not running and has no CPU time.
    const cpu = withCpuTimes && domain.id !== -1 ? await (asked ?? this.cpuTimes(via, domain)) : undefined;
    const cpuNs = new Map(cpu?.params.map(({ field, value }) => [field, Number(value)]));
    const source = withCpuTimes ? this.#sources.of(domain) : 'process';
    const isKnown = facts?.memory.currentKiB !== undefined && (source === 'group' || domain.id === -1);
    const infoAtMs = this.#nowMs();
    const info = isKnown ? undefined : await this.#try(via, domain, 'domainGetInfo', { domain });
    const vcpusMax = facts?.cpu.vcpusMaximum ?? info?.vcpus ?? 0;
    if (vcpuPlacement?.isDue(domain) === true && vcpusMax > 0) {
      const reply = await this.vcpus(via, domain, vcpusMax);
      if (reply !== undefined) vcpuPlacement.record(domain, reply);
    }
    if (autostartOnce?.isDue(domain) === true) {
      const reply = await this.#try(via, domain, 'domainGetAutostartOnce', { domain });
      autostartOnce.record(domain, reply?.autostart);
    }
    // libvirt reports 0 for a domain that is not running: how much it once used is unknown.
    const ofProcess = source === 'process' && domain.id !== -1 ? info : undefined;
    const cpuTime =
      source === 'group'
        ? { cpuTimeNs: cpuNs.get('cpu_time'), cpuTimeAtMs: cpu?.atMs }
        : { cpuTimeNs: numeric(ofProcess?.cpuTimeNs), cpuTimeAtMs: ofProcess && infoAtMs };
    return {
      uuid: domain.uuid,
      places: vcpuPlacement?.of(domain),
      autostartOnce: autostartOnce?.of(domain),
      state: info?.state,
      reason: undefined,
      maximumKiB: numeric(info?.maxMemKiB) ?? facts?.memory.maximumKiB,
      memoryKiB: numeric(info?.memoryKiB) ?? facts?.memory.currentKiB,
      vcpus: info?.vcpus ?? facts?.cpu.vcpusCurrent,
      ...cpuTime,
      userNs: cpuNs.get('user_time'),
      systemNs: cpuNs.get('system_time'),
    };
  }

  /** CPU time of a running domain; undefined where it cannot be read. */
  async cpuTimes(connection: Caller, domain: Domain): Promise<CpuTimes> {
    const atMs = this.#nowMs();
    const refused = (): void => this.#sources.record(domain, 'process');
    const reply = await this.#try(connection, domain, 'domainGetCpuStats', { domain, ...CPU_TOTAL }, refused);
    if (reply === undefined) return undefined;
    this.#sources.record(domain, 'group');
    return { params: reply.params, atMs };
  }

  /** Forgets domains that no longer exist. */
  keepOnly(uuids: ReadonlySet<string>): void {
    this.#sources.keepOnly(uuids);
  }

  /** State, run time and host CPU of the vCPUs that are online; undefined where they cannot be read. */
  vcpus(
    connection: Caller,
    domain: Domain,
    maxInfo: number,
  ): Promise<CallResult<'domainGetVcpus'> | undefined> {
    return this.#try(connection, domain, 'domainGetVcpus', { domain, maxInfo, mapLength: 0 });
  }

  /**
   * The states of all domains by UUID, from filters of the list: one call per state regardless of the number of
   * domains, and no reasons. What cannot be read within `withinMs` is absent.
   */
  async states(control: Connection, withinMs: number): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    const timeoutMs = Math.min(withinMs, this.#timeoutMs);
    await Promise.all(
      LISTED_STATES.map(async ([state, flags]) => {
        try {
          const list = await control.call('connectListAllDomains', { needResults: 1, flags }, { timeoutMs });
          for (const { uuid } of list.domains) found.set(uuid, state);
        } catch {
          // Absent; the tick itself finds out when the connection closed.
        }
      }),
    );
    return found;
  }

  /** The state, by a call for which libvirtd reserves workers; `withinMs` if there is less time than usual. */
  async state(
    control: Connection,
    domain: Domain,
    withinMs = this.#timeoutMs,
  ): Promise<{ readonly state: number; readonly reason: number } | undefined> {
    try {
      const timeoutMs = Math.min(withinMs, this.#timeoutMs);
      return await control.call('domainGetState', { domain, flags: 0 }, { timeoutMs });
    } catch {
      // A shut-off domain has no figure other than its state.
      return domain.id === -1 ? { state: DomainState.shutoff, reason: 0 } : undefined;
    }
  }

  async #try<N extends CallName>(
    via: Caller,
    domain: Domain,
    name: N,
    args: CallArgs<N>,
    onRefused?: () => void,
  ): Promise<CallResult<N> | undefined> {
    try {
      return await this.#outstanding.ask(domain.uuid, () =>
        via.call(name, args, { timeoutMs: this.#timeoutMs }),
      );
    } catch (error) {
      if (error instanceof RemoteError) onRefused?.();
      return undefined;
    }
  }
}

function numeric(value: number | bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
