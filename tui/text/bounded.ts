/** A cache that is cleared when full: keys come from outside, and most of them recur. */
export class Bounded<K, V> {
  readonly #max: number;
  readonly #known = new Map<K, V>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: K, make: () => V): V {
    let value = this.#known.get(key);
    if (value === undefined) {
      value = make();
      if (this.#known.size >= this.#max) this.#known.clear();
      this.#known.set(key, value);
    }
    return value;
  }
}
