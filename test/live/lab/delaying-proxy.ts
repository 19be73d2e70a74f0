import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallName, calls, programOf } from '../../../libvirt/calls/all.ts';
import type { CallDeclaration } from '../../../libvirt/calls/call.ts';
import { FrameType } from '../../../libvirt/wire/frame.ts';

/** What happens to a reply: delayed by so many ms, or never passed on. */
export type ReplyFault = number | 'never';

const HEADER_BYTES = 28;

/**
 * A proxy in front of a libvirt daemon's unix socket. It passes every call on at once and can delay or drop replies of
 * chosen calls; a delayed reply delays no other reply of its connection. Faults can be changed while it runs; a reply
 * that is already delayed keeps its delay.
 */
export class DelayingProxy {
  readonly path: string;
  readonly #upstream: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #faults = new Map<string, ReplyFault>();
  readonly #stop = new AbortController();
  #all: ReplyFault | undefined;
  /** Called with each call that a client sends. */
  onCall: (program: number, procedure: number) => void = () => undefined;

  private constructor(path: string, upstream: string) {
    this.path = path;
    this.#upstream = upstream;
    this.#server = createServer((client) => this.#join(client));
  }

  /** Listens on `path`, which must not exist, in front of the daemon that listens on `upstream`. */
  static async start(path: string, upstream = '/run/libvirt/libvirt-sock-ro'): Promise<DelayingProxy> {
    const proxy = new DelayingProxy(path, upstream);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(path, resolve);
    });
    return proxy;
  }

  /** Delays or drops the replies of one call from now on. */
  set(name: CallName, fault: ReplyFault): void {
    this.#faults.set(keyOf(name), fault);
  }

  /** Delays or drops the replies of all calls without a fault from `set`. */
  setAll(fault: ReplyFault): void {
    this.#all = fault;
  }

  /** Passes every later reply on at once. */
  clear(): void {
    this.#faults.clear();
    this.#all = undefined;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    const daemon = createConnection(this.#upstream);
    const end = (): void => {
      client.destroy();
      daemon.destroy();
    };
    for (const socket of [client, daemon]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.on(
      'data',
      splitter((frame) => {
        const { program, procedure, type } = headerOf(frame);
        if (type === FrameType.call) this.onCall(program, procedure);
        daemon.write(frame);
      }),
    );
    daemon.on(
      'data',
      splitter((frame) => this.#reply(client, frame)),
    );
  }

  #reply(client: Socket, frame: Buffer): void {
    const { program, procedure, type } = headerOf(frame);
    const fault =
      type === FrameType.reply ? (this.#faults.get(`${program}:${procedure}`) ?? this.#all) : undefined;
    if (fault === 'never') return;
    if (fault === undefined || fault === 0) {
      client.write(frame);
      return;
    }
    sleep(fault, undefined, { signal: this.#stop.signal }).then(
      () => client.write(frame),
      () => undefined,
    );
  }
}

function keyOf(name: CallName): string {
  const declaration: CallDeclaration = calls[name];
  return `${programOf(declaration)}:${declaration.proc}`;
}

/** virNetMessageHeader: length, program, version, procedure, type, serial, status. */
function headerOf(frame: Buffer): { program: number; procedure: number; type: number } {
  return { program: frame.readUInt32BE(4), procedure: frame.readInt32BE(12), type: frame.readUInt32BE(16) };
}

/** Passes on whole frames, copied, each including its length prefix. */
function splitter(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= HEADER_BYTES) {
      const length = rest.readUInt32BE(at);
      if (rest.length - at < length) break;
      onFrame(Buffer.from(rest.subarray(at, at + length)));
      at += length;
    }
    rest = rest.subarray(at);
  };
}
