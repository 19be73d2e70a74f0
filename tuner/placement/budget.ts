/** Steps that a search may still take: bounded work, whatever the host, and the same outcome each time. */
export class Budget {
  #left: number;

  constructor(steps: number) {
    this.#left = steps;
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  spend(steps: number): void {
    this.#left -= steps;
  }

  /** A part of it, for one undertaking; what that leaves comes back with `take`. */
  lend(steps: number): Budget {
    const part = new Budget(Math.min(steps, Math.max(0, this.#left)));
    this.#left -= part.#left;
    return part;
  }

  take(part: Budget): void {
    this.#left += part.#left;
    part.#left = 0;
  }
}
