import { ErrorCode, Impact } from '../../libvirt/constants.ts';
import { CallFailure } from '../call-failure.ts';
import type { Description } from '../description.ts';
import { notValid } from '../parameters/group.ts';
import type { SimulatedVm } from '../vm.ts';

const BOTH = Impact.live | Impact.config;

/** The descriptions of a VM that a call affects. */
export interface Affected {
  readonly live: Description | undefined;
  readonly config: Description | undefined;
}

/**
 * By the flags of a setter; without any, the live description of a running VM, else its definition.
 * @throws CallFailure 55 when the requested description does not exist.
 */
export function affected(vm: SimulatedVm, flags: number): Affected {
  const impact = flags & BOTH;
  const live = (impact & Impact.live) !== 0 || (impact === Impact.current && vm.active);
  const config = (impact & Impact.config) !== 0 || (impact === Impact.current && !vm.active);
  if (live && vm.live === undefined) throw notValid('domain is not running', 20);
  if (config && vm.definition === undefined)
    throw notValid('transient domains do not have any persistent config', 20);
  return { live: live ? vm.live : undefined, config: config ? vm.definition : undefined };
}

/** By the flags of a getter, which can select only one description. */
export function looked(vm: SimulatedVm, flags: number): { description: Description; isLive: boolean } {
  if ((flags & BOTH) === BOTH) {
    throw new CallFailure(
      ErrorCode.invalidArg,
      "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive",
      20,
    );
  }
  const { live, config } = affected(vm, flags);
  const description = live ?? config;
  if (description === undefined) throw notValid('domain is not running', 20);
  return { description, isLive: live !== undefined };
}

/** Applies the same change to each affected description. */
export function editEach({ live, config }: Affected, change: Parameters<Description['edit']>[0]): void {
  live?.edit(change);
  config?.edit(change);
}
