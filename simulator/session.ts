import type { Socket } from 'node:net';
import { type CallName, callByNumber, calls } from '../libvirt/calls/all.ts';
import type { CallDeclaration } from '../libvirt/calls/call.ts';
import { READ_ONLY_CALLS } from '../libvirt/client/read-only.ts';
import { AuthType, ConnectFlag, ErrorCode, ErrorDomain, Feature } from '../libvirt/constants.ts';
import { type EventDeclaration, type EventName, type EventPayload, events } from '../libvirt/events.ts';
import type { Codec } from '../libvirt/wire/codec.ts';
import {
  encodeFrame,
  type Frame,
  type FrameHeader,
  FrameSplitter,
  FrameStatus,
  FrameType,
  Program,
} from '../libvirt/wire/frame.ts';
import { remoteErrorPayload } from '../libvirt/wire/remote-error.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import { XdrReader, type XdrWriter } from '../libvirt/wire/xdr.ts';
import { CallFailure } from './call-failure.ts';
import type { Faults } from './faults.ts';
import { handlers } from './handlers/all.ts';
import type { HandlerContext } from './handlers/context.ts';
import type { SimulatedHost } from './host.ts';
import { type Account, type SaslServer, saslServer } from './sasl.ts';

/** libvirtd's max_client_requests: with this many in flight it stops reading from the client. */
const MAX_CLIENT_REQUESTS = 5;
const KEEPALIVE_PING = 1;
const KEEPALIVE_PONG = 2;

export type AuthMode =
  | { readonly kind: 'none' }
  | { readonly kind: 'polkit' }
  /** Its host has no user with the client's UID. */
  | { readonly kind: 'unknown user'; readonly uid: number }
  | { readonly kind: 'sasl'; readonly mechanisms: readonly string[]; readonly account: Account };

export interface SessionParts {
  readonly host: SimulatedHost;
  readonly faults: Faults;
  readonly auth: AuthMode;
  /** Sends an event to every session. */
  readonly broadcast: HandlerContext['emit'];
  /** Called for each call that arrives. */
  readonly onCall: ((name: CallName, args: unknown) => void) | undefined;
}

interface Registration {
  readonly of: 'domain' | 'pool';
  readonly eventId: number;
  readonly domain: Domain | undefined;
}

const rpcError = (message: string): CallFailure => new CallFailure(ErrorCode.rpc, message, ErrorDomain.rpc);

/** One client's connection, from the daemon's side. */
export class Session {
  readonly #socket: Socket;
  readonly #parts: SessionParts;
  readonly #splitter = new FrameSplitter();
  /** By callback id, which libvirt's drivers count separately (virObjectEventState). */
  readonly #registrations = {
    domain: new Map<number, Registration>(),
    pool: new Map<number, Registration>(),
  };
  readonly #nextCallbackId = { domain: 0, pool: 0 };
  #authenticated: boolean;
  #open = false;
  #readOnly = false;
  #sasl: SaslServer | undefined;
  #requests = 0;

  constructor(socket: Socket, parts: SessionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#authenticated = false;
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('error', () => undefined);
  }

  /** Sends raw bytes, to test how a client handles them. */
  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  cut(): void {
    this.#socket.destroy();
  }

  deliver<N extends EventName>(name: N, payload: EventPayload<N>): void {
    const event = events[name];
    for (const [callbackId, registration] of this.#registrations[event.of]) {
      if (registration.eventId !== event.id) continue;
      const about = (payload as { domain?: Domain }).domain;
      if (registration.domain !== undefined && registration.domain.uuid !== about?.uuid) continue;
      const header = {
        program: Program.remote,
        version: 1,
        procedure: event.proc,
        type: FrameType.event,
        serial: 1,
        status: 0,
      };
      const frame = encodeFrame(header, (writer) => {
        writer.int(callbackId);
        (event.payload as Codec<unknown>).write(writer, payload);
      });
      this.#socket.write(frame);
    }
  }

  #received(chunk: Buffer): void {
    try {
      this.#splitter.push(chunk, (frame) => this.#frame(frame));
    } catch {
      this.#socket.destroy();
    }
  }

  #frame(frame: Frame): void {
    const { header } = frame;
    if (header.program === Program.keepalive) {
      if (header.procedure === KEEPALIVE_PING) {
        this.#socket.write(encodeFrame({ ...header, procedure: KEEPALIVE_PONG }));
      }
      return;
    }
    if (header.type !== FrameType.call) return this.cut();
    this.#requests++;
    if (this.#requests >= MAX_CLIENT_REQUESTS) this.#socket.pause();
    void this.#answer(frame);
  }

  async #answer({ header, payload }: Frame): Promise<void> {
    let reply: Buffer;
    try {
      const name = this.#permitted(header);
      const call = calls[name];
      const reader = new XdrReader(payload);
      const args = (call.args as Codec<unknown>).read(reader);
      if (this.#parts.faults.slowMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, this.#parts.faults.slowMs));
      }
      this.#parts.onCall?.(name, args);
      await this.#parts.faults.answerable(name, args);
      const result = await this.#perform(name, args);
      reply = encodeReply(header, FrameStatus.ok, (writer) =>
        (call.ret as Codec<unknown>).write(writer, result),
      );
    } catch (error) {
      reply = errorReply(header, error);
    }
    if (!this.#socket.destroyed) this.#socket.write(reply);
    this.#requests--;
    if (this.#requests < MAX_CLIENT_REQUESTS) this.#socket.resume();
  }

  #permitted(header: FrameHeader): CallName {
    const name = callByNumber(header.program, header.procedure);
    if (name === undefined || !this.#has(calls[name]))
      throw rpcError(`unknown procedure: ${header.procedure}`);
    if (name.startsWith('auth')) return name;
    if (!this.#authenticated && this.#parts.auth.kind !== 'none') throw rpcError('authentication required');
    if (!this.#authenticated && name !== 'connectSupportsFeature') throw rpcError('authentication required');
    if (!this.#open && name !== 'connectOpen' && name !== 'connectSupportsFeature')
      throw rpcError('connection not open');
    if (this.#readOnly && !READ_ONLY_CALLS.has(name)) {
      throw new CallFailure(
        ErrorCode.operationDenied,
        `operation ${name} forbidden for read only access`,
        ErrorDomain.none,
      );
    }
    return name;
  }

  /** Whether the simulated release supports this call or event. */
  #has({ since = 0 }: CallDeclaration | EventDeclaration): boolean {
    return since <= this.#parts.host.release.libvirt;
  }

  async #perform(name: CallName, args: unknown): Promise<unknown> {
    const own = this.#ownCalls[name];
    if (own !== undefined) return own(args as never);
    const handler = handlers[name] as ((context: HandlerContext, args: unknown) => unknown) | undefined;
    if (handler === undefined) {
      throw new CallFailure(
        ErrorCode.noSupport,
        `this function is not supported by the connection driver: ${name}`,
      );
    }
    const { host, faults, broadcast } = this.#parts;
    host.advance();
    return handler({ host, faults, emit: broadcast }, args);
  }

  /** Calls handled by the connection rather than the host. */
  readonly #ownCalls: Partial<Record<CallName, (args: never) => unknown>> = {
    authList: () => this.#authList(),
    authPolkit: () => this.#authenticate(!this.#parts.faults.refuseAuth, { complete: true }),
    authSaslInit: () => ({
      mechanisms: this.#parts.auth.kind === 'sasl' ? this.#parts.auth.mechanisms.join(',') : '',
    }),
    authSaslStart: ({ mechanism, data }: { mechanism: string; data: Uint8Array }) => {
      const { auth } = this.#parts;
      if (auth.kind === 'sasl' && auth.mechanisms.includes(mechanism)) {
        this.#sasl = saslServer(mechanism, auth.account);
      }
      return this.#saslAnswer(data);
    },
    authSaslStep: ({ data }: { data: Uint8Array }) => this.#saslAnswer(data),
    connectSupportsFeature: ({ feature }: { feature: number }) => ({
      supported: (Object.values(Feature) as number[]).includes(feature),
    }),
    connectOpen: ({ flags }: { flags: number }) => {
      this.#open = true;
      this.#readOnly = (flags & ConnectFlag.readOnly) !== 0;
    },
    connectClose: () => undefined,
    connectRegisterCloseCallback: () => undefined,
    connectUnregisterCloseCallback: () => undefined,
    connectDomainEventCallbackRegisterAny: ({ eventId, domain }: { eventId: number; domain?: Domain }) =>
      this.#register({ of: 'domain', eventId, domain }),
    connectDomainEventCallbackDeregisterAny: ({ callbackId }: { callbackId: number }) =>
      this.#deregister('domain', callbackId),
    connectStoragePoolEventRegisterAny: ({ eventId }: { eventId: number }) =>
      this.#register({ of: 'pool', eventId, domain: undefined }),
    connectStoragePoolEventDeregisterAny: ({ callbackId }: { callbackId: number }) =>
      this.#deregister('pool', callbackId),
  };

  #authList(): { types: number[] } {
    const { auth, faults } = this.#parts;
    if (auth.kind === 'unknown user') {
      // virGetUserEnt, asked by remoteDispatchAuthList for the client's identity.
      const message = `Failed to find user record for uid '${auth.uid}'`;
      throw new CallFailure(ErrorCode.systemError, message, ErrorDomain.none);
    }
    if (auth.kind === 'none' && !faults.refuseAuth) this.#authenticated = true;
    const type = { none: AuthType.none, polkit: AuthType.polkit, sasl: AuthType.sasl }[auth.kind];
    return { types: [faults.refuseAuth && auth.kind === 'none' ? AuthType.polkit : type] };
  }

  #authenticate<T>(accepted: boolean, result: T): T {
    if (!accepted) throw new CallFailure(ErrorCode.authFailed, 'authentication failed', ErrorDomain.rpc);
    this.#authenticated = true;
    return result;
  }

  #saslAnswer(data: Uint8Array): { complete: boolean; nil: boolean; data: Uint8Array } {
    const answer = this.#sasl?.answer(data);
    const accepted = answer !== undefined && !this.#parts.faults.refuseAuth;
    if (answer?.complete === true || !accepted) this.#authenticate(accepted, undefined);
    return {
      complete: answer?.complete === true,
      nil: answer?.data === undefined,
      data: answer?.data ?? new Uint8Array(),
    };
  }

  #register(registration: Registration): { callbackId: number } {
    const { of, eventId, domain } = registration;
    if (!this.#hasEvent(of, eventId)) {
      const kind = of === 'pool' ? 'storage pool event' : 'event';
      throw new CallFailure(
        ErrorCode.internal,
        `internal error: unsupported ${kind} ID ${eventId}`,
        ErrorDomain.rpc,
      );
    }
    for (const each of this.#registrations[of].values()) {
      if (each.eventId === eventId && each.domain?.uuid === domain?.uuid) {
        throw new CallFailure(ErrorCode.invalidArg, 'invalid argument: event callback already tracked');
      }
    }
    const callbackId = this.#nextCallbackId[of]++;
    this.#registrations[of].set(callbackId, registration);
    return { callbackId };
  }

  #hasEvent(of: 'domain' | 'pool', eventId: number): boolean {
    return Object.values<EventDeclaration>(events).some(
      (event) => event.of === of && event.id === eventId && this.#has(event),
    );
  }

  #deregister(of: 'domain' | 'pool', callbackId: number): undefined {
    if (!this.#registrations[of].delete(callbackId)) {
      const kind = of === 'pool' ? 'storage pool' : 'domain';
      throw new CallFailure(ErrorCode.invalidArg, `${kind} event callback ${callbackId} not registered`);
    }
    return undefined;
  }
}

function encodeReply(header: FrameHeader, status: number, write: (writer: XdrWriter) => void): Buffer {
  return encodeFrame({ ...header, type: FrameType.reply, status }, write);
}

function errorReply(header: FrameHeader, error: unknown): Buffer {
  const failure =
    error instanceof CallFailure ? error : new CallFailure(ErrorCode.internal, (error as Error).message);
  // The message may quote the client's input, and a string with a NUL cannot be encoded.
  const message = failure.message.replaceAll('\0', '?');
  return encodeReply(header, FrameStatus.error, (writer) =>
    remoteErrorPayload.write(writer, {
      code: failure.libvirtCode,
      domain: failure.libvirtDomain,
      message,
      level: 2,
      dom: undefined,
      str1: message,
      str2: undefined,
      str3: undefined,
      int1: -1,
      int2: -1,
      net: undefined,
    }),
  );
}
