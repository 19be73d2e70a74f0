import { ProtocolError } from '../errors.ts';
import { type EventName, type EventPayload, eventByProcedure, events } from '../events.ts';
import { XdrReader } from '../wire/xdr.ts';

export type EventListener<N extends EventName> = (payload: EventPayload<N>) => void;

/** An event that arrived before the reply that names its callback id. */
interface EarlyEvent {
  readonly bytes: number;
  readonly key: string;
  readonly payload: unknown;
}

/** More early events than this mean a misbehaving server; the oldest are dropped. */
const EARLY_EVENTS_MAX = 4_096;
/** The same in bytes: an event can have strings of megabytes. */
const EARLY_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Dispatches each event to its listener. libvirtd may send an event before the reply to its registration, so events
 * with unknown ids are held while a registration is in flight. libvirt's drivers number callbacks separately, so an
 * event of a domain and one of a pool may have the same id.
 */
export class EventHub {
  /** By event and callback id. */
  readonly #listeners = new Map<string, (payload: never) => void>();
  #early: EarlyEvent[] = [];
  #earlyBytes = 0;
  #registrations = 0;

  /** @throws ProtocolError when the payload does not match the event. Unknown events are ignored. */
  received(procedure: number, payload: Buffer): void {
    const name = eventByProcedure(procedure);
    if (name === undefined) return;
    const reader = new XdrReader(payload);
    const key = keyOf(name, reader.int());
    const value = events[name].payload.read(reader);
    if (reader.remaining > 0) {
      throw new ProtocolError(`the event ${name} has ${reader.remaining} bytes more than its declaration`);
    }
    const listener = this.#listeners.get(key);
    if (listener !== undefined) deliver(listener, value);
    else if (this.#registrations > 0) {
      this.#early.push({ key, payload: value, bytes: payload.length });
      this.#earlyBytes += payload.length;
      while (this.#early.length > EARLY_EVENTS_MAX || this.#earlyBytes > EARLY_BYTES_MAX)
        this.#earlyBytes -= this.#early.shift()?.bytes ?? this.#earlyBytes;
    }
  }

  /** Runs a registration, and delivers what arrived before its reply. Returns the callback id. */
  async register<N extends EventName>(
    name: N,
    listener: EventListener<N>,
    ask: () => Promise<number>,
  ): Promise<number> {
    this.#registrations++;
    try {
      const callbackId = await ask();
      const key = keyOf(name, callbackId);
      this.#listeners.set(key, listener);
      this.#deliverEarly(key, listener);
      return callbackId;
    } finally {
      this.#registrations--;
      if (this.#registrations === 0) {
        this.#early = [];
        this.#earlyBytes = 0;
      }
    }
  }

  forget(name: EventName, callbackId: number): void {
    this.#listeners.delete(keyOf(name, callbackId));
  }

  #deliverEarly<N extends EventName>(key: string, listener: EventListener<N>): void {
    const mine = this.#early.filter((event) => event.key === key);
    this.#early = this.#early.filter((event) => event.key !== key);
    this.#earlyBytes = this.#early.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const event of mine) deliver(listener as (payload: never) => void, event.payload);
  }
}

const keyOf = (name: EventName, callbackId: number): string => `${name} ${callbackId}`;

/** Rethrows a listener's exception outside the call: it must not be mistaken for a broken frame. */
export function deliver(listener: (payload: never) => void, payload: unknown): void {
  try {
    listener(payload as never);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
