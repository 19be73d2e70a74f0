import { CallAbandonedError } from '../libvirt/errors.ts';

/**
 * Remembers calls that were given up on and that the daemon still works on. What such a call was about is not
 * asked for again until it has come back, and once `max` of them are out nothing of their kind is sent: what
 * never answers may not take the places of all that does.
 */
export class Outstanding {
  readonly #max: number;
  readonly #out = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** What `send` gives; undefined where it was not let out, or did not answer in time. Else rejects as `send` does. */
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
