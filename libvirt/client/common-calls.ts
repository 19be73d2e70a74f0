import type { CallArgs, CallName, CallResult } from '../calls/all.ts';
import type { Domain } from '../wire/types.ts';
import type { CallOptions } from './rpc-channel.ts';

/** One domain's statistics as `virConnectGetAllDomainStats` names them: `cpu.time`, `vcpu.0.delay`. */
export type DomainStatsRecord = CallResult<'connectGetAllDomainStats'>['records'][number];

/** The calls that most programs start with, without wire details. Errors are those of `call`. */
export abstract class CommonCalls {
  abstract call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    options?: CallOptions,
  ): Promise<CallResult<N>>;

  /** The name that the host reports. */
  async hostname(options?: CallOptions): Promise<string> {
    return (await this.call('connectGetHostname', undefined, options)).hostname;
  }

  /** @param flags of `ListFlag`, such as `ListFlag.active`; 0 lists all domains */
  async domains(flags = 0, options?: CallOptions): Promise<readonly Domain[]> {
    return (await this.call('connectListAllDomains', { needResults: 1, flags }, options)).domains;
  }

  /** Rejects with `ErrorCode.noDomain` when there is none of this name. */
  async domainByName(name: string, options?: CallOptions): Promise<Domain> {
    return (await this.call('domainLookupByName', { name }, options)).domain;
  }

  /** @param flags of `XmlFlag`; 0 is the live definition, or the persistent one of an inactive domain */
  async domainXml(domain: Domain, flags = 0, options?: CallOptions): Promise<string> {
    return (await this.call('domainGetXmlDesc', { domain, flags }, options)).xml;
  }

  /**
   * One domain's statistics, undefined if it no longer exists. Ask for each domain separately, with a deadline: one
   * call for many waits for the slowest of them.
   * @param groups of `StatsGroup`, or-ed
   */
  async domainStats(
    domain: Domain,
    groups: number,
    options?: CallOptions,
  ): Promise<DomainStatsRecord['params'] | undefined> {
    const args = { domains: [domain], stats: groups, flags: 0 };
    const { records } = await this.call('connectGetAllDomainStats', args, options);
    return records[0]?.params;
  }
}
