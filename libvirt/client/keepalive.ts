import { encodeFrame, FrameStatus, FrameType, PROGRAM_VERSION, Program } from '../wire/frame.ts';

const Procedure = { ping: 1, pong: 2 } as const;

function frame(procedure: number): Buffer {
  return encodeFrame({
    program: Program.keepalive,
    version: PROGRAM_VERSION,
    procedure,
    type: FrameType.event,
    serial: 0,
    status: FrameStatus.ok,
  });
}

const PING = frame(Procedure.ping);
const PONG = frame(Procedure.pong);

/**
 * Minimum time between pongs. A daemon pings once per second at most (keepalive_interval of libvirtd.conf is in
 * seconds); pongs to one that floods us with pings and does not read would fill our memory.
 */
const PONG_PAUSE_MS = 100;

export interface KeepAliveOptions {
  /** How long the peer may be silent before it is pinged. libvirt's own default: 5 s. */
  readonly intervalMs: number;
  /** Unanswered pings after which the peer counts as dead. libvirt's own default: 5. */
  readonly maxMisses: number;
}

/** Both sides of the keepalive: always answers the server's pings, sends ours once started. */
export class KeepAlive {
  readonly #send: (bytes: Buffer) => void;
  readonly #onDead: (silentMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #heard = false;
  #misses = 0;
  #pongMs = Number.NEGATIVE_INFINITY;

  constructor(send: (bytes: Buffer) => void, onDead: (silentMs: number) => void) {
    this.#send = send;
    this.#onDead = onDead;
  }

  /** Any packet counts as a sign of life (as in libvirt's virnetclient.c). */
  heard(): void {
    this.#heard = true;
  }

  received(procedure: number): void {
    if (procedure !== Procedure.ping) return;
    const nowMs = performance.now();
    if (nowMs - this.#pongMs < PONG_PAUSE_MS) return;
    this.#pongMs = nowMs;
    this.#send(PONG);
  }

  start({ intervalMs, maxMisses }: KeepAliveOptions): void {
    this.stop();
    this.#timer = setInterval(() => {
      if (this.#heard) this.#misses = 0;
      else this.#misses++;
      this.#heard = false;
      if (this.#misses > maxMisses) {
        this.stop();
        this.#onDead(intervalMs * this.#misses);
      } else if (this.#misses > 0) {
        this.#send(PING);
      }
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
