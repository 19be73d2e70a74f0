import { ErrorCode, Impact } from '../../libvirt/constants.ts';
import { CallFailure } from '../call-failure.ts';
import type { Description } from '../description.ts';
import { notValid } from '../parameters/group.ts';
import type { SimulatedVm } from '../vm.ts';

const BOTH = Impact.live | Impact.config;

/** Which of a VM's descriptions a call is about. */
export interface Affected {
  readonly live: Description | undefined;
  readonly config: Description | undefined;
}

/**
 * By a setter's flags; neither means the one that counts now: the running one, or else the definition.
 * @throws CallFailure 55 when what is meant does not exist.
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

/** By a getter's flags, which can mean one of them only. */
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

/** Does the same to each that is meant. */
export function editEach({ live, config }: Affected, change: Parameters<Description['edit']>[0]): void {
  live?.edit(change);
  config?.edit(change);
}
