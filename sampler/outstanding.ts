import { CallAbandonedError } from '../libvirt/errors.ts';

/**
 * Tracks abandoned calls that the daemon still works on. The subject of such a call is not asked about again until the
 * call returns, and while `max` of them are outstanding nothing of their kind is sent: calls that never return must
 * not take the places of all others.
 */
export class Outstanding {
  readonly #max: number;
  readonly #out = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The result of `send`; undefined if it was not sent or not answered in time. Else rejects as `send` does. */
  async ask<R>(about: string, send: () => Promise<R>): Promise<R | undefined> {
    if (this.#out.size >= this.#max || this.#out.has(about)) return undefined;
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof CallAbandonedError)) throw error;
      this.#out.add(about);
      void error.finished.then(() => this.#out.delete(about));
      return undefined;
    }
  }
}
