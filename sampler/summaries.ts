import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import type { Connection } from '../libvirt/client/connection.ts';
import { DomainState } from '../libvirt/constants.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { DomainFacts } from '../model/domain/domain.ts';
import type { DomainSummary } from '../model/summary.ts';
import { Outstanding } from './outstanding.ts';
import type { Places } from './places.ts';

/** Of the four calls that a connection has in flight, so that the list and the states always get through. */
const STUCK_MAX = 2;

/** domainGetCpuStats: the total over all CPUs, which has these three figures. */
const CPU_TOTAL = { nparams: 3, startCpu: -1, ncpus: 1, flags: 0 };

/** `atMs`: wall clock just before the call went out. */
export type CpuTimes =
  | { readonly params: CallResult<'domainGetCpuStats'>['params']; readonly atMs: number }
  | undefined;

/**
 * Reads what libvirt knows of domains without asking their QEMU. None of these calls waits for a monitor in
 * any libvirt that was read (9.0 to 11.3); one that does all the same is bounded, and given up on.
 */
export class Summaries {
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #outstanding = new Outstanding(STUCK_MAX);

  constructor(timeoutMs: number, now: () => number) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /**
   * Whatever cannot be read is absent. What libvirt would copy from the definition that it also shows as XML
   * is taken from the facts where they are known, which spares a call a domain.
   */
  async read(
    control: Connection,
    domain: Domain,
    facts: DomainFacts | undefined,
    { withCpuTimes, places }: { readonly withCpuTimes: boolean; readonly places?: Places | undefined },
    asked?: Promise<CpuTimes>,
  ): Promise<Omit<DomainSummary, 'marks'>> {
    // A domain without an id is not running and has no CPU time.
    const cpu =
      withCpuTimes && domain.id !== -1 ? await (asked ?? this.cpuTimes(control, domain)) : undefined;
    const cpuNs = new Map(cpu?.params.map(({ field, value }) => [field, Number(value)]));
    const isKnown = facts?.memory.currentKiB !== undefined && (cpuNs.size > 0 || domain.id === -1);
    const infoAtMs = this.#now();
    const info = isKnown ? undefined : await this.#try(control, domain, 'domainGetInfo', { domain });
    const vcpusMax = facts?.cpu.vcpusMaximum ?? info?.vcpus ?? 0;
    if (places?.isDue(domain) === true && vcpusMax > 0) {
      const told = await this.vcpus(control, domain, vcpusMax);
      if (told !== undefined) places.told(domain, told);
    }
    return {
      uuid: domain.uuid,
      places: places?.of(domain),
      state: info?.state,
      reason: undefined,
      maximumKiB: numeric(info?.maxMemKiB) ?? facts?.memory.maximumKiB,
      memoryKiB: numeric(info?.memoryKiB) ?? facts?.memory.currentKiB,
      vcpus: info?.vcpus ?? facts?.cpu.vcpusCurrent,
      // libvirt says 0 for a domain that is not running: it is not known how much it once used.
      cpuTimeNs: cpuNs.get('cpu_time') ?? (domain.id === -1 ? undefined : numeric(info?.cpuTimeNs)),
      cpuTimeAtMs: cpuNs.has('cpu_time') ? cpu?.atMs : info && infoAtMs,
      userNs: cpuNs.get('user_time'),
      systemNs: cpuNs.get('system_time'),
    };
  }

  /** CPU time of a running domain; undefined where it cannot be read. */
  async cpuTimes(connection: Connection, domain: Domain): Promise<CpuTimes> {
    const atMs = this.#now();
    const reply = await this.#try(connection, domain, 'domainGetCpuStats', { domain, ...CPU_TOTAL });
    return reply && { params: reply.params, atMs };
  }

  /** State, run time and host CPU of the vCPUs that are online; undefined where they cannot be read. */
  vcpus(
    connection: Connection,
    domain: Domain,
    maxInfo: number,
  ): Promise<CallResult<'domainGetVcpus'> | undefined> {
    return this.#try(connection, domain, 'domainGetVcpus', { domain, maxInfo, mapLength: 0 });
  }

  /** The state, by a call for which libvirtd keeps workers free. */
  async state(
    control: Connection,
    domain: Domain,
  ): Promise<{ readonly state: number; readonly reason: number } | undefined> {
    try {
      return await control.call('domainGetState', { domain, flags: 0 }, { timeoutMs: this.#timeoutMs });
    } catch {
      // That it does not run is all that a shut-off domain has to tell.
      return domain.id === -1 ? { state: DomainState.shutoff, reason: 0 } : undefined;
    }
  }

  async #try<N extends CallName>(
    control: Connection,
    domain: Domain,
    name: N,
    args: CallArgs<N>,
  ): Promise<CallResult<N> | undefined> {
    try {
      return await this.#outstanding.ask(domain.uuid, () =>
        control.call(name, args, { timeoutMs: this.#timeoutMs }),
      );
    } catch {
      return undefined;
    }
  }
}

function numeric(value: number | bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}
