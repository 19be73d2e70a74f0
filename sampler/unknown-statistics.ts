import type { DomainStats } from '../model/stats/types.ts';
import { terminalText } from '../model/terminal-text.ts';

/** Names are untrusted input: no more than this are kept. */
const NAMES_MAX = 1_000;

/** Remembers which statistics of a newer libvirt this version does not know, each name once for all domains and devices. */
export class UnknownStatistics {
  readonly #names = new Set<string>();
  readonly #onName: (name: string) => void;

  /** @param onName called once for each name, numbers replaced by N: `block.N.limits.iov_max`; safe to print on one line */
  constructor(onName: (name: string) => void = () => undefined) {
    this.#onName = onName;
  }

  /** How many names there are. */
  get size(): number {
    return this.#names.size;
  }

  observe({ unknown }: DomainStats): void {
    for (const field of unknown.keys()) {
      const name = terminalText(field.replaceAll(/(?<=^|\.)\d+(?=\.|$)/g, 'N'));
      if (this.#names.has(name) || this.#names.size >= NAMES_MAX) continue;
      this.#names.add(name);
      this.#onName(name);
    }
  }
}
