import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';
import { ErrorCode, ErrorDomain, Impact } from '../../libvirt/constants.ts';
import type { EventName, EventPayload } from '../../libvirt/events.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { CallFailure } from '../call-failure.ts';
import type { Faults } from '../faults.ts';
import type { SimulatedHost } from '../host.ts';
import type { SimulatedVm } from '../vm.ts';

export interface HandlerContext {
  readonly host: SimulatedHost;
  readonly faults: Faults;
  emit<N extends EventName>(name: N, payload: EventPayload<N>): void;
}

type Handler<N extends CallName> = (
  context: HandlerContext,
  args: CallArgs<N>,
) => CallResult<N> | Promise<CallResult<N>>;

/** Handlers by call. A call without one gets libvirtd's error for what its driver does not support. */
export type Handlers = { readonly [N in CallName]?: Handler<N> };

/** @throws CallFailure 42 when there is no such domain. */
export function find({ host }: HandlerContext, domain: Domain): SimulatedVm {
  const vm = host.byUuid(domain.uuid);
  if (vm === undefined) {
    throw new CallFailure(
      ErrorCode.noDomain,
      `Domain not found: no domain with matching uuid '${domain.uuid}' (${domain.name})`,
    );
  }
  return vm;
}

/** @throws CallFailure 55 when the call requires a running domain, always or because of its impact flags. */
export function requireActive(vm: SimulatedVm, flags: number = Impact.live): void {
  if (!vm.active && (flags & Impact.live) !== 0) {
    throw new CallFailure(
      ErrorCode.operationInvalid,
      'Requested operation is not valid: domain is not running',
    );
  }
}

export function invalid(message: string): CallFailure {
  return new CallFailure(ErrorCode.invalidArg, `invalid argument: ${message}`, ErrorDomain.qemu);
}
