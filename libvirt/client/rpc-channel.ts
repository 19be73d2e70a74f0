import { type CallArgs, type CallName, type CallResult, calls, programOf } from '../calls/all.ts';
import type { CallDeclaration } from '../calls/call.ts';
import { CallAbandonedError, ClosedError, EncodeError, ProtocolError, RemoteError } from '../errors.ts';
import type { Transport } from '../transport/transport.ts';
import type { Codec } from '../wire/codec.ts';
import {
  encodeFrame,
  type Frame,
  type FrameHeader,
  FrameSplitter,
  FrameStatus,
  FrameType,
  PROGRAM_VERSION,
  Program,
} from '../wire/frame.ts';
import { remoteErrorPayload } from '../wire/remote-error.ts';
import { XdrReader } from '../wire/xdr.ts';
import { KeepAlive, type KeepAliveOptions } from './keepalive.ts';
import { Queue } from './queue.ts';

/**
 * libvirtd's max_client_requests is 5 and counts its receive buffer: with a fifth call in flight it stops
 * reading from us, our keepalive responses included, and then drops the connection.
 */
export const MAX_IN_FLIGHT = 4;

const NEVER_ABORTED: CallOptions = {};

export interface CallOptions {
  /** From the call until it settles, time in the queue included. None by default. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface PendingCall {
  readonly name: CallName;
  readonly args: unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly options: CallOptions;
  timer: NodeJS.Timeout | undefined;
  onAbort: (() => void) | undefined;
  settled: boolean;
  /** Set once abandoned in flight: resolves `finished` of the error that the caller got. */
  finish: (() => void) | undefined;
}

/**
 * Matches replies, which arrive in any order, to calls; at most four in flight, the rest queued. Each call
 * settles exactly once. An abandoned call keeps its place until the server has answered it.
 */
export class RpcChannel {
  readonly #transport: Transport;
  readonly #splitter: FrameSplitter;
  readonly #keepAlive: KeepAlive;
  readonly #onEvent: (procedure: number, payload: Buffer) => void;
  readonly #onClosed: (reason: Error) => void;
  readonly #waiting = new Queue<PendingCall>();
  readonly #inFlight = new Map<number, PendingCall>();
  readonly #onFrame = (frame: Frame): void => this.#dispatch(frame);
  #nextSerial = 1;
  #abandoned = 0;
  #closed: Error | undefined;

  constructor(
    transport: Transport,
    handlers: {
      event: (procedure: number, payload: Buffer) => void;
      closed: (reason: Error) => void;
    },
    maxFrameBytes?: number,
  ) {
    this.#transport = transport;
    this.#splitter = new FrameSplitter(maxFrameBytes);
    this.#onEvent = handlers.event;
    this.#onClosed = handlers.closed;
    this.#keepAlive = new KeepAlive(
      (bytes) => transport.write(bytes),
      (silentMs) =>
        this.#fail(
          new ClosedError(
            `${transport.description} sent nothing for ${silentMs} ms and did not answer keepalives; the daemon hangs or is unreachable`,
          ),
        ),
    );
    transport.start({
      data: (chunk) => this.#received(chunk),
      closed: (error) =>
        this.#fail(new ClosedError(`${transport.description} was closed by the peer`, { cause: error })),
    });
  }

  get description(): string {
    return this.#transport.description;
  }

  /** Why the channel is closed, or undefined while it is open. */
  get closed(): Error | undefined {
    return this.#closed;
  }

  /** Abandoned calls that the server still works on. */
  get abandonedCalls(): number {
    return this.#abandoned;
  }

  get freePlaces(): number {
    return Math.max(0, MAX_IN_FLIGHT - this.#inFlight.size - this.#waiting.size);
  }

  startKeepAlive(options: KeepAliveOptions): void {
    if (this.#closed === undefined) this.#keepAlive.start(options);
  }

  call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    options: CallOptions = NEVER_ABORTED,
  ): Promise<CallResult<N>> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      if (options.signal?.aborted === true) return reject(abandoned('LIBVIRT_CALL_ABORTED', name, options));
      const call: PendingCall = {
        name,
        args,
        resolve,
        reject,
        options,
        timer: undefined,
        onAbort: undefined,
        settled: false,
        finish: undefined,
      };
      if (options.timeoutMs !== undefined) {
        call.timer = setTimeout(() => this.#abandon(call, 'LIBVIRT_CALL_TIMEOUT'), options.timeoutMs);
      }
      if (options.signal !== undefined) {
        call.onAbort = () => this.#abandon(call, 'LIBVIRT_CALL_ABORTED');
        options.signal.addEventListener('abort', call.onAbort, { once: true });
      }
      this.#waiting.push(call);
      this.#sendWaiting();
    });
  }

  /** Closes the channel; every pending call rejects with `reason`. */
  close(reason: Error): void {
    this.#fail(reason, 'politely');
  }

  #sendWaiting(): void {
    while (this.#inFlight.size < MAX_IN_FLIGHT && this.#waiting.size > 0) {
      const call = this.#waiting.shift();
      if (call !== undefined && !call.settled) this.#send(call);
    }
  }

  #send(call: PendingCall): void {
    const declaration: CallDeclaration = calls[call.name];
    const serial = this.#nextSerial;
    let frame: Buffer;
    try {
      frame = encodeFrame(callHeader(declaration, serial), (writer) =>
        (declaration.args as Codec<unknown>).write(writer, call.args),
      );
    } catch (error) {
      settle(call);
      call.reject(
        error instanceof EncodeError ? new EncodeError(`${call.name}: ${error.message}`) : (error as Error),
      );
      return;
    }
    this.#nextSerial = serial === 0xffff_ffff ? 1 : serial + 1;
    this.#inFlight.set(serial, call);
    this.#transport.write(frame);
  }

  #abandon(call: PendingCall, code: CallAbandonedError['code']): void {
    if (call.settled) return;
    settle(call);
    const inFlight = [...this.#inFlight.values()].includes(call);
    let finished = Promise.resolve();
    if (inFlight) {
      this.#abandoned++;
      finished = new Promise((resolve) => {
        call.finish = resolve;
      });
    } else {
      // Otherwise each attempt would lengthen the queue of an unresponsive daemon.
      this.#waiting.remove(call);
    }
    call.reject(abandoned(code, call.name, call.options, finished));
  }

  #received(chunk: Buffer): void {
    if (this.#closed !== undefined) return;
    this.#keepAlive.heard();
    try {
      this.#splitter.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(error);
    }
  }

  #dispatch({ header, payload }: Frame): void {
    if (this.#closed !== undefined) return;
    if (header.program === Program.keepalive) return this.#keepAlive.received(header.procedure);
    if (header.program !== Program.remote && header.program !== Program.qemu) {
      throw new ProtocolError(`received a frame of unknown program 0x${header.program.toString(16)}`);
    }
    if (header.type === FrameType.event) return this.#onEvent(header.procedure, payload);
    if (header.type === FrameType.reply) return this.#reply(header, payload);
    throw new ProtocolError(
      `received a frame of type ${header.type}, which a server never sends to a client`,
    );
  }

  #reply(header: FrameHeader, payload: Buffer): void {
    const call = this.#inFlight.get(header.serial);
    if (call === undefined)
      throw new ProtocolError(`received a reply with serial ${header.serial}, which matches no call`);
    const declaration: CallDeclaration = calls[call.name];
    if (header.procedure !== declaration.proc || header.program !== programOf(declaration)) {
      throw new ProtocolError(
        `serial ${header.serial} belongs to ${call.name}, but the reply has procedure ${header.procedure}`,
      );
    }
    const outcome = decodeReply(call.name, declaration, header.status, payload);
    this.#inFlight.delete(header.serial);
    if (call.settled) {
      this.#abandoned--;
      call.finish?.();
    } else {
      settle(call);
      if (outcome.ok) call.resolve(outcome.value as never);
      else call.reject(outcome.error);
    }
    this.#sendWaiting();
  }

  #fail(reason: Error, how: 'politely' | 'at once' = 'at once'): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#keepAlive.stop();
    if (how === 'politely') this.#transport.end();
    else this.#transport.destroy();
    const open = [...this.#inFlight.values()];
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) open.push(call);
    this.#inFlight.clear();
    this.#abandoned = 0;
    for (const call of open) {
      call.finish?.();
      if (call.settled) continue;
      settle(call);
      call.reject(reason);
    }
    this.#onClosed(reason);
  }
}

function callHeader(declaration: CallDeclaration, serial: number): FrameHeader {
  return {
    program: programOf(declaration),
    version: PROGRAM_VERSION,
    procedure: declaration.proc,
    type: FrameType.call,
    serial,
    status: FrameStatus.ok,
  };
}

type CallOutcome = { ok: true; value: unknown } | { ok: false; error: RemoteError };

/** @throws ProtocolError when the payload does not match the declaration exactly. */
export function decodeReply(
  name: string,
  declaration: CallDeclaration,
  status: number,
  payload: Buffer,
): CallOutcome {
  const reader = new XdrReader(payload);
  let outcome: CallOutcome;
  if (status === FrameStatus.ok) outcome = { ok: true, value: declaration.ret.read(reader) };
  else if (status === FrameStatus.error) {
    const { code, domain, message } = remoteErrorPayload.read(reader);
    outcome = { ok: false, error: new RemoteError(name, code, domain, message ?? 'no message') };
  } else throw new ProtocolError(`a reply to ${name} has unknown status ${status}`);
  if (reader.remaining > 0) {
    throw new ProtocolError(`a reply to ${name} has ${reader.remaining} bytes more than its declaration`);
  }
  return outcome;
}

function settle(call: PendingCall): void {
  call.settled = true;
  clearTimeout(call.timer);
  if (call.onAbort !== undefined) call.options.signal?.removeEventListener('abort', call.onAbort);
}

function abandoned(
  code: CallAbandonedError['code'],
  name: string,
  options: CallOptions,
  finished: Promise<void> = Promise.resolve(),
): CallAbandonedError {
  const why =
    code === 'LIBVIRT_CALL_TIMEOUT' ? `no answer within ${options.timeoutMs} ms` : 'canceled by the caller';
  return new CallAbandonedError(code, `${name}: ${why}`, finished, { cause: options.signal?.reason });
}
