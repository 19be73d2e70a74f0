export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What was observed, and all that the draw of the design could have given instead: `a - theta b` for each. */
export interface Outcomes {
  /**
   * For each assignment, the observed statistic minus that of the assignment, if the effect is theta: `a - theta b`,
   * with `b` of at least 0 unless covariates are adjusted for. The observed one is among them: both are 0.
   */
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** The magnitudes against which rounding errors are judged. */
  readonly scaleA: number;
  readonly scaleB: number;
}

/** The randomisation test: over all assignments that the draw of a design could have given. */
export class Reassignments {
  readonly #a: Float64Array;
  readonly #b: Float64Array;
  readonly #scaleA: number;
  readonly #scaleB: number;

  constructor({ a, b, scaleA, scaleB }: Outcomes) {
    this.#a = a;
    this.#b = b;
    this.#scaleA = scaleA;
    this.#scaleB = scaleB;
  }

  /**
   * Two-sided p-value of "the effect is theta": twice the share of assignments with a sum at least as extreme, in the
   * direction where that share is smaller. The observed one is among them, drawn or enumerated, so it is never 0.
   */
  pValue(theta: number): number {
    const near = 1e-12 * (this.#scaleA + Math.abs(theta) * this.#scaleB);
    let [asHigh, asLow] = [0, 0];
    for (let at = 0; at < this.#a.length; at++) {
      const flipped = (this.#a[at] as number) - theta * (this.#b[at] as number);
      if (flipped <= near) asHigh += 1;
      if (flipped >= -near) asLow += 1;
    }
    return Math.min(1, (2 * Math.min(asHigh, asLow)) / this.#a.length);
  }

  /**
   * All effects that the test does not reject at `alpha`, as an interval: test inversion. A limit is infinite if the
   * data cannot exclude anything on that side. If covariates leave gaps in the set of these effects, it is the smallest
   * interval that contains all of them.
   */
  interval(alpha: number): Interval {
    const low = this.#lowestKept(alpha, 1);
    const high = -this.#lowestKept(alpha, -1);
    return { low, high };
  }

  /** The lowest theta that is not rejected; with `sign` -1 of the mirrored problem, where it is minus the highest. */
  #lowestKept(alpha: number, sign: 1 | -1): number {
    const size = this.#a.length;
    const near = 1e-12 * this.#scaleA;
    /** Assignments that count at every theta, and those that count from, or up to, a theta. */
    let always = 0;
    const from: number[] = [];
    const upTo: number[] = [];
    for (let at = 0; at < size; at++) {
      const [a, b] = [sign * (this.#a[at] as number), this.#b[at] as number];
      if (Math.abs(b) <= 1e-12 * this.#scaleB) {
        if (a <= near) always += 1;
      } else if (b > 0) from.push(a / b);
      else upTo.push(a / b);
    }
    const needed = Math.floor((alpha * size) / 2) + 1;
    let counted = always + upTo.length;
    if (counted >= needed) return Number.NEGATIVE_INFINITY;
    const starts = Float64Array.from(from).sort();
    const ends = Float64Array.from(upTo).sort();
    let ended = 0;
    for (const theta of starts) {
      while (ended < ends.length && (ends[ended] as number) < theta) {
        ended += 1;
        counted -= 1;
      }
      counted += 1;
      if (counted >= needed) return theta;
    }
    return Number.POSITIVE_INFINITY;
  }
}
