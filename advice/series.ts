/** A figure over a window: one value per sample that had it, oldest first. */
export class Series {
  readonly #max: number;
  readonly #values: number[] = [];
  /** Cached until the next value: read several times between two samples. */
  #sorted: readonly number[] | undefined;
  #mean: number | undefined;

  /** `max`: values to keep; older ones are dropped. */
  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max;
  }

  static of(values: readonly number[]): Series {
    const series = new Series();
    for (const value of values) series.add(value);
    return series;
  }

  /** Absent values are ignored. */
  add(value: number | undefined): void {
    if (value === undefined || !Number.isFinite(value)) return;
    this.#sorted = undefined;
    this.#mean = undefined;
    this.#values.push(value);
    if (this.#values.length > this.#max) this.#values.shift();
  }

  get count(): number {
    return this.#values.length;
  }

  get values(): readonly number[] {
    return this.#values;
  }

  get last(): number | undefined {
    return this.#values.at(-1);
  }

  get max(): number | undefined {
    return this.count === 0 ? undefined : this.#values.reduce((a, b) => Math.max(a, b));
  }

  get mean(): number | undefined {
    if (this.count === 0) return undefined;
    this.#mean ??= this.#values.reduce((a, b) => a + b, 0) / this.count;
    return this.#mean;
  }

  get median(): number | undefined {
    return this.quantile(0.5);
  }

  /** The smallest value that is at least as large as this share (0 to 1) of all values. */
  quantile(share: number): number | undefined {
    if (this.count === 0) return undefined;
    this.#sorted ??= this.#values.toSorted((a, b) => a - b);
    return this.#sorted[Math.max(0, Math.ceil(share * this.count) - 1)];
  }

  /** Share of the values above a limit; 0 without values. */
  shareAbove(limit: number): number {
    if (this.count === 0) return 0;
    let above = 0;
    for (const value of this.#values) if (value > limit) above++;
    return above / this.count;
  }
}
