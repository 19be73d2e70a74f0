import { DomainState, ErrorCode, LifecycleEvent } from '../../libvirt/constants.ts';
import { CallFailure } from '../call-failure.ts';
import { notValid } from '../parameters/group.ts';
import { takeForStart } from '../start.ts';
import type { SimulatedVm } from '../vm.ts';
import { find, type HandlerContext, type Handlers, requireActive } from './context.ts';

/** virDomainCreateFlags, virDomainShutdownFlagValues */
const START_PAUSED = 1;
const BY_GUEST_AGENT = 2;
/** virDomainShutoffReason */
const Shutoff = { shutdown: 1, destroyed: 2, crashed: 3, failed: 6 } as const;
/** Details of stopped and shutdown events (virDomainEventStoppedDetailType, virDomainEventShutdownDetailType) */
const Stopped = { shutdown: 0, destroyed: 1, failed: 5 } as const;
const ShutdownBy = { guest: 1, host: 2 } as const;

function send({ emit }: HandlerContext, vm: SimulatedVm, event: number, detail: number): void {
  emit('lifecycle', { domain: vm.domain, event, detail });
}

function end(context: HandlerContext, vm: SimulatedVm, reason: number, detail: number): void {
  const { domain } = vm;
  context.host.stop(vm, reason);
  // A stopped domain no longer has an id.
  context.emit('lifecycle', { domain: { ...domain, id: -1 }, event: LifecycleEvent.stopped, detail });
}

/** Delayed; skipped if that run of the VM has ended by then. */
function later(vm: SimulatedVm, afterMs: number, what: () => void): void {
  const { id } = vm;
  setTimeout(() => {
    if (vm.id === id) what();
  }, afterMs).unref();
}

export const lifecycleHandlers: Handlers = {
  domainCreateWithFlags(context, { domain, flags }) {
    const vm = find(context, domain);
    if (vm.active) throw notValid('domain is already running');
    const { host, faults } = context;
    const fault = faults.startFault(vm);
    try {
      if (fault?.kind === 'refused')
        throw new CallFailure(ErrorCode.internal, `internal error: ${fault.message}`);
      const pages = takeForStart(host, vm);
      vm.start(host.nextId(), pages, (flags & START_PAUSED) !== 0);
    } catch (error) {
      vm.reason = Shutoff.failed;
      throw error;
    }
    if (vm.running) send(context, vm, LifecycleEvent.resumed, 0);
    send(context, vm, LifecycleEvent.started, 0);
    if (!vm.running) send(context, vm, LifecycleEvent.suspended, 0);
    if (fault?.kind === 'crash')
      later(vm, fault.afterMs, () => end(context, vm, Shutoff.crashed, Stopped.failed));
    return { domain: vm.domain };
  },
  domainDestroyFlags(context, { domain }) {
    const vm = find(context, domain);
    requireActive(vm);
    send(context, vm, LifecycleEvent.shutdown, ShutdownBy.host);
    end(context, vm, Shutoff.destroyed, Stopped.destroyed);
    return undefined;
  },
  /** Only a request: the guest takes its time, or ignores it. */
  domainShutdownFlags(context, { domain, flags }) {
    const vm = find(context, domain);
    requireActive(vm);
    if (flags === BY_GUEST_AGENT) {
      throw new CallFailure(
        ErrorCode.argumentUnsupported,
        'argument unsupported: QEMU guest agent is not configured',
      );
    }
    const { shutdownSeconds } = vm.spec;
    if (shutdownSeconds === 'never' || vm.state !== DomainState.running) return undefined;
    later(vm, shutdownSeconds * 1_000, () => {
      send(context, vm, LifecycleEvent.shutdown, ShutdownBy.guest);
      end(context, vm, Shutoff.shutdown, Stopped.shutdown);
    });
    return undefined;
  },
};
