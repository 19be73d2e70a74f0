import { DomainState, ErrorCode } from '../../libvirt/constants.ts';
import { isRemoteError } from '../../libvirt/errors.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import type { StepDomain } from './step.ts';
import type { StepHost } from './step-host.ts';

/** Whether a domain is on this host and running. */
export type DomainRun =
  /** Not (or no longer) on this host: undefined, or migrated away. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'off' }
  | { readonly kind: 'runs'; readonly id: number; readonly paused: boolean; readonly persistent: boolean };

/** A domain as argument of calls; libvirt looks only at the UUID. */
export function handle({ uuid, name }: StepDomain): Domain {
  return { uuid, name, id: -1 };
}

/** For messages: names are untrusted text. */
export function quoted({ name }: StepDomain): string {
  return JSON.stringify(name);
}

export async function findRun(host: StepHost, domain: StepDomain): Promise<DomainRun> {
  try {
    const { domain: found } = await host.call('domainLookupByUuid', { uuid: domain.uuid });
    if (found.id === -1) return { kind: 'off' };
    const { state } = await host.call('domainGetState', { domain: found, flags: 0 });
    const { persistent } = await host.call('domainIsPersistent', { domain: found });
    if (state === DomainState.shutoff) return persistent ? { kind: 'off' } : { kind: 'gone' };
    return { kind: 'runs', id: found.id, paused: state === DomainState.paused, persistent };
  } catch (error) {
    if (isRemoteError(error, ErrorCode.noDomain)) return { kind: 'gone' };
    throw error;
  }
}
