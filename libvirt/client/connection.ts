import type { CallArgs, CallName, CallResult } from '../calls/all.ts';
import { ClosedError } from '../errors.ts';
import {
  CLOSE_EVENT_PROCEDURE,
  closeEventPayload,
  type EventName,
  type EventPayload,
  events,
} from '../events.ts';
import type { Transport } from '../transport/transport.ts';
import type { Domain } from '../wire/types.ts';
import { XdrReader } from '../wire/xdr.ts';
import { CommonCalls } from './common-calls.ts';
import { deliver, EventHub, type EventListener } from './event-hub.ts';
import { assertGuestAgent } from './guest-agent.ts';
import type { KeepAliveOptions } from './keepalive.ts';
import { assertReadOnly } from './read-only.ts';
import { type CallOptions, RpcChannel } from './rpc-channel.ts';

/** How long connectClose may take before the socket is closed without it. */
const CLOSE_TIMEOUT_MS = 1_000;

/** virConnectCloseReason */
const CLOSE_REASONS = ['error', 'end of file', 'keepalive timeout', 'requested by a client'];

/** Called once for each settled call: how long it took, and the error it failed with. */
export type CallObserver = (name: CallName, durationMs: number, error: Error | undefined) => void;

export interface ConnectionOptions {
  readonly readOnly: boolean;
  /** Sends only GUEST_AGENT_CALLS. */
  readonly guestAgentOnly?: boolean | undefined;
  readonly observe?: CallObserver | undefined;
  /** Limits one frame from the daemon; default: the protocol's 32 MiB. */
  readonly maxFrameBytes?: number | undefined;
}

interface Registration {
  readonly listeners: Set<EventListener<EventName>>;
  readonly callbackId: Promise<number>;
}

/** One open connection to a libvirt daemon. Made by `connect()`. */
export class Connection extends CommonCalls {
  readonly readOnly: boolean;
  readonly #guestAgentOnly: boolean;
  readonly #observe: CallObserver | undefined;
  readonly #channel: RpcChannel;
  readonly #hub = new EventHub();
  readonly #registrations = new Map<string, Registration>();
  readonly #closeListeners = new Set<(reason: Error) => void>();

  constructor(transport: Transport, options: ConnectionOptions) {
    super();
    this.readOnly = options.readOnly;
    this.#guestAgentOnly = options.guestAgentOnly === true;
    this.#observe = options.observe;
    this.#channel = new RpcChannel(
      transport,
      {
        event: (procedure, payload) => this.#event(procedure, payload),
        closed: (reason) => {
          for (const listener of this.#closeListeners) listener(reason);
        },
      },
      options.maxFrameBytes,
    );
  }

  /** The transport, for messages. */
  get description(): string {
    return this.#channel.description;
  }

  /** Why it is closed, or undefined while it is open. */
  get closed(): Error | undefined {
    return this.#channel.closed;
  }

  /** Abandoned calls that the daemon still works on; each holds one of four places. */
  get abandonedCalls(): number {
    return this.#channel.abandonedCalls;
  }

  /** How many more calls can be sent at once without waiting for another's reply. */
  get freePlaces(): number {
    return this.#channel.freePlaces;
  }

  /**
   * Sends one call, and settles exactly once.
   *
   * Rejects with RemoteError (the daemon refused or failed), CallAbandonedError (deadline or signal), EncodeError (the
   * arguments do not fit the protocol), ReadOnlyError, CallNotAllowedError, or the reason why the connection closed
   * (ClosedError, ProtocolError).
   */
  override call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    options?: CallOptions,
  ): Promise<CallResult<N>> {
    try {
      if (this.readOnly) assertReadOnly(name, args);
      if (this.#guestAgentOnly) assertGuestAgent(name);
    } catch (error) {
      return Promise.reject(error);
    }
    const reply = this.#channel.call(name, args, options);
    if (this.#observe !== undefined) this.#time(name, reply, this.#observe);
    return reply;
  }

  /**
   * Subscribes to an event, of one domain or of all. Returns a function that unsubscribes. The daemon refuses a second
   * registration of the same event on one connection, so its listeners share one.
   */
  async on<N extends EventName>(
    name: N,
    listener: EventListener<N>,
    options: CallOptions & { domain?: Domain | undefined } = {},
  ): Promise<() => Promise<void>> {
    const key = `${name} ${options.domain?.uuid ?? ''}`;
    let shared = this.#registrations.get(key);
    if (shared === undefined) {
      const listeners = new Set<EventListener<EventName>>();
      const callbackId = this.#hub.register(
        name,
        (payload) => deliverToAll(listeners, payload),
        () => this.#registerEvent(name, options),
      );
      shared = { listeners, callbackId };
      this.#registrations.set(key, shared);
      callbackId.catch(() => this.#registrations.delete(key));
    }
    const { listeners, callbackId } = shared;
    // A separate function, so that a listener that is added twice is called twice.
    const own: EventListener<EventName> = (payload) => listener(payload as EventPayload<N>);
    listeners.add(own);
    const id = await callbackId;
    return async () => {
      if (!listeners.delete(own) || listeners.size > 0) return;
      this.#registrations.delete(key);
      this.#hub.forget(name, id);
      await this.call(
        events[name].of === 'pool'
          ? 'connectStoragePoolEventDeregisterAny'
          : 'connectDomainEventCallbackDeregisterAny',
        { callbackId: id },
      );
    };
  }

  async #registerEvent(
    name: EventName,
    options: CallOptions & { domain?: Domain | undefined },
  ): Promise<number> {
    const { of, id: eventId } = events[name];
    const reply =
      of === 'pool'
        ? await this.call('connectStoragePoolEventRegisterAny', { eventId, pool: undefined }, options)
        : await this.call(
            'connectDomainEventCallbackRegisterAny',
            { eventId, domain: options.domain },
            options,
          );
    return reply.callbackId;
  }

  /** Called once, with the reason; in a microtask if already closed. Returns a function that removes the listener. */
  onClose(listener: (reason: Error) => void): () => void {
    const { closed } = this;
    if (closed !== undefined) queueMicrotask(() => listener(closed));
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  startKeepAlive(options: KeepAliveOptions): void {
    this.#channel.startKeepAlive(options);
  }

  /** Says goodbye and closes. Never rejects; pending calls reject with ClosedError. */
  async close(): Promise<void> {
    if (this.closed !== undefined) return;
    await this.call('connectClose', undefined, { timeoutMs: CLOSE_TIMEOUT_MS }).catch(() => undefined);
    this.abort(new ClosedError('the connection was closed by this client'));
  }

  /** Closes at once; pending calls reject with `reason`. */
  abort(reason: Error): void {
    this.#channel.close(reason);
  }

  #time(name: CallName, reply: Promise<unknown>, observe: CallObserver): void {
    const startedMs = performance.now();
    reply.then(
      () => observe(name, performance.now() - startedMs, undefined),
      (error: Error) => observe(name, performance.now() - startedMs, error),
    );
  }

  #event(procedure: number, payload: Buffer): void {
    if (procedure !== CLOSE_EVENT_PROCEDURE) return this.#hub.received(procedure, payload);
    const { reason } = closeEventPayload.read(new XdrReader(payload));
    this.abort(
      new ClosedError(
        `the daemon lost its connection to the hypervisor: ${CLOSE_REASONS[reason] ?? `reason ${reason}`}`,
      ),
    );
  }
}

/** An exception in one listener does not keep the event from the others. */
function deliverToAll<N extends EventName>(
  listeners: ReadonlySet<EventListener<EventName>>,
  payload: EventPayload<N>,
): void {
  for (const listener of listeners) deliver(listener, payload);
}
