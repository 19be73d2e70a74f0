import { VirtuneError } from './virtune-error.ts';

/** The highest CPU number accepted; the maximum of Linux's NR_CPUS_DEFAULT is 8192. */
const CPU_MAX = 8_191;
/** Bounds lists that repeat CPUs: a megabyte of `0-8191,` would name 1,000,000,000. */
const NAMED_MAX = 1_000_000;
/** How much of a list an error message quotes. */
const SHOWN_CHARS = 200;

export class CpuSetError extends VirtuneError {
  override readonly name = 'CpuSetError';
  constructor(message: string, options?: ErrorOptions) {
    super('MODEL_CPU_SET', message, options);
  }
}

/** An immutable set of CPU numbers. */
export class CpuSet implements Iterable<number> {
  static readonly empty = new CpuSet([]);
  /** Ascending, without duplicates. */
  readonly #cpus: readonly number[];
  readonly #lookup: ReadonlySet<number>;
  /** Cached, since it serves as a key. */
  #text: string | undefined;

  private constructor(sorted: readonly number[]) {
    this.#cpus = sorted;
    this.#lookup = new Set(sorted);
  }

  /** @throws CpuSetError on a number that is not a CPU number. */
  static of(cpus: Iterable<number>): CpuSet {
    const sorted = [...new Set(cpus)].sort((a, b) => a - b);
    for (const cpu of sorted) {
      if (!Number.isInteger(cpu) || cpu < 0 || cpu > CPU_MAX) {
        throw new CpuSetError(`${cpu} is not a CPU number; use 0 to ${CPU_MAX}`);
      }
    }
    return new CpuSet(sorted);
  }

  /**
   * Reads Linux's list format with libvirt's exclusions: `0-3,8,^2`. An exclusion applies to what precedes it, as in
   * virBitmapParse.
   * @throws CpuSetError naming the part that is wrong.
   */
  static parse(text: string): CpuSet {
    const cpus = new Set<number>();
    if (text.trim() === '') return CpuSet.empty;
    const shown = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}...` : text;
    const refuse = (part: string, why: string): CpuSetError =>
      new CpuSetError(`"${part.slice(0, SHOWN_CHARS)}" in CPU list "${shown}" ${why}`);
    let named = 0;
    for (const part of text.split(',')) {
      const match = /^\s*(\^?)(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part);
      if (match === null) throw refuse(part, 'is not N, N-M or ^N');
      const [, exclude, first, last = first] = match;
      const [from, to] = [Number(first), Number(last)];
      if (to < from) throw refuse(part, 'runs backwards');
      if (to > CPU_MAX) throw refuse(part, `is above ${CPU_MAX}`);
      named += to - from + 1;
      if (named > NAMED_MAX) throw refuse(part, `is beyond the first ${NAMED_MAX} CPUs that the list names`);
      for (let cpu = from; cpu <= to; cpu++) {
        if (exclude === '^') cpus.delete(cpu);
        else cpus.add(cpu);
      }
    }
    return CpuSet.of(cpus);
  }

  /** libvirt's CPU map: bit 0 of byte 0 is CPU 0. */
  static fromBitmap(map: Uint8Array): CpuSet {
    const cpus: number[] = [];
    map.forEach((byte, index) => {
      for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) cpus.push(index * 8 + bit);
    });
    return CpuSet.of(cpus);
  }

  /**
   * libvirt's CPU map of `lengthBytes`, ceil(host CPUs / 8).
   * @throws CpuSetError when a CPU does not fit: libvirt would refuse a longer map.
   */
  toBitmap(lengthBytes: number): Uint8Array {
    const map = new Uint8Array(lengthBytes);
    for (const cpu of this.#cpus) {
      const index = cpu >> 3;
      if (index >= lengthBytes) throw new CpuSetError(`CPU ${cpu} is beyond this host's ${lengthBytes * 8}`);
      map[index] = (map[index] as number) | (1 << (cpu & 7));
    }
    return map;
  }

  get size(): number {
    return this.#cpus.length;
  }

  get first(): number | undefined {
    return this.#cpus[0];
  }

  has(cpu: number): boolean {
    return this.#lookup.has(cpu);
  }

  union(other: CpuSet): CpuSet {
    return CpuSet.of([...this.#cpus, ...other.#cpus]);
  }

  intersection(other: CpuSet): CpuSet {
    return new CpuSet(this.#cpus.filter((cpu) => other.has(cpu)));
  }

  difference(other: CpuSet): CpuSet {
    return new CpuSet(this.#cpus.filter((cpu) => !other.has(cpu)));
  }

  isSubsetOf(other: CpuSet): boolean {
    return this.#cpus.every((cpu) => other.has(cpu));
  }

  equals(other: CpuSet): boolean {
    return this.size === other.size && this.isSubsetOf(other);
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#cpus[Symbol.iterator]();
  }

  /** The shortest list, `0-3,8`; parse() reads it back to an equal set. */
  toString(): string {
    this.#text ??= this.#written();
    return this.#text;
  }

  #written(): string {
    const parts: string[] = [];
    for (let i = 0; i < this.#cpus.length; ) {
      let j = i;
      while (this.#cpus[j + 1] === (this.#cpus[j] as number) + 1) j++;
      parts.push(i === j ? `${this.#cpus[i]}` : `${this.#cpus[i]}-${this.#cpus[j]}`);
      i = j + 1;
    }
    return parts.join(',');
  }
}
