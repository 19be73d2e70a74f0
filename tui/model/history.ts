/** Series kept for each VM, for the charts of its detail view. */
const SERIES = [
  'cpu',
  'steal',
  'memoryUsed',
  'memoryGiven',
  'readBytes',
  'writeBytes',
  'readRequests',
  'writeRequests',
  'readLatency',
  'writeLatency',
  'receiveBytes',
  'transmitBytes',
] as const;
export type SeriesName = (typeof SERIES)[number];

export type Reading = Readonly<Partial<Record<SeriesName, number | undefined>>>;

interface Ring {
  readonly values: Float32Array;
  /** The last tick written. */
  last: number;
}

/**
 * Recent values of each VM, in fixed-size rings: memory is VMs x series x points. All rings advance with the ticks of
 * their host, so that a VM that was absent has a gap, not a shift.
 */
export class History {
  readonly points: number;
  readonly #rings = new Map<string, Ring>();
  readonly #atMs: Float64Array;
  #tick = -1;

  constructor(points = 300) {
    this.points = points;
    this.#atMs = new Float64Array(points).fill(Number.NaN);
  }

  /** Starts a tick at a time of the monotonic clock; evicts VMs that no longer exist. */
  start(atMs: number, keys: ReadonlySet<string>): void {
    this.#tick++;
    this.#atMs[this.#tick % this.points] = atMs;
    for (const key of this.#rings.keys()) if (!keys.has(key)) this.#rings.delete(key);
  }

  add(key: string, reading: Reading): void {
    let ring = this.#rings.get(key);
    if (ring === undefined) {
      ring = { values: new Float32Array(SERIES.length * this.points).fill(Number.NaN), last: this.#tick };
      this.#rings.set(key, ring);
    }
    // Missed ticks become a gap.
    for (let tick = Math.max(ring.last + 1, this.#tick - this.points + 1); tick < this.#tick; tick++) {
      for (let series = 0; series < SERIES.length; series++) {
        ring.values[series * this.points + (tick % this.points)] = Number.NaN;
      }
    }
    ring.last = this.#tick;
    SERIES.forEach((name, series) => {
      (ring as Ring).values[series * this.points + (this.#tick % this.points)] = reading[name] ?? Number.NaN;
    });
  }

  /** Oldest first, NaN where unknown; at most `points` values, up to the tick at `untilMs`. */
  series(key: string, name: SeriesName, points: number, untilMs = Number.POSITIVE_INFINITY): number[] {
    const ring = this.#rings.get(key);
    if (ring === undefined) return [];
    const at = SERIES.indexOf(name) * this.points;
    return this.#ticks(points, untilMs).map((tick) =>
      tick > ring.last ? Number.NaN : (ring.values[at + (tick % this.points)] as number),
    );
  }

  times(points: number, untilMs = Number.POSITIVE_INFINITY): number[] {
    return this.#ticks(points, untilMs).map((tick) => this.#atMs[tick % this.points] as number);
  }

  get vms(): number {
    return this.#rings.size;
  }

  #ticks(points: number, untilMs: number): number[] {
    const oldest = Math.max(0, this.#tick - this.points + 1);
    let newest = this.#tick;
    while (newest >= oldest && (this.#atMs[newest % this.points] as number) > untilMs) newest--;
    const from = Math.max(oldest, newest - points + 1);
    return Array.from({ length: Math.max(0, newest - from + 1) }, (_, index) => from + index);
  }
}
