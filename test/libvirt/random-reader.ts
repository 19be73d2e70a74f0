import { ProtocolError } from '../../libvirt/errors.ts';
import type { Codec } from '../../libvirt/wire/codec.ts';
import type { XdrReader } from '../../libvirt/wire/xdr.ts';

const WORDS = ['vcpu.0.time', 'vda', 'a', '', 'état', 'x'.repeat(40)];

/**
 * A reader that makes up each value it is asked for: each codec thus draws a valid value of its type, without a second
 * description of the protocol.
 */
class RandomReader {
  readonly #random: () => number;
  constructor(random: () => number) {
    this.#random = random;
  }
  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }
  get remaining(): number {
    return 0;
  }
  /** Mostly small, since it also returns tags of optional items and of typed parameters. */
  int(): number {
    return this.#random() < 0.9 ? 1 + this.#below(7) : this.#below(0x1_0000_0000) - 0x8000_0000;
  }
  uint(): number {
    return this.#random() < 0.9 ? this.#below(2) : this.#below(0x1_0000_0000);
  }
  hyper(): number {
    return this.#below(2 ** 53) - 2 ** 52;
  }
  unsignedHyper(): number | bigint {
    return this.#random() < 0.1 ? 2n ** 64n - 1n : this.#below(2 ** 53);
  }
  double(): number {
    return this.#random() * 1e6;
  }
  count(max: number): number {
    return Math.min(max, this.#below(4));
  }
  string(): string {
    return WORDS[this.#below(WORDS.length)] as string;
  }
  name(): string {
    return this.string();
  }
  opaque(max: number): Buffer {
    return Buffer.from(Array.from({ length: this.#below(Math.min(max, 40)) }, () => this.#below(256)));
  }
  fixedHex(length: number): string {
    return Buffer.alloc(length, this.#below(256)).toString('hex');
  }
}

/** A valid value of the codec's type. */
export function draw<T>(codec: Codec<T>, random: () => number): T {
  const reader = new RandomReader(random) as unknown as XdrReader;
  for (;;) {
    try {
      return codec.read(reader);
    } catch (error) {
      // The presence flag of an optional item was neither 0 nor 1, or a type does not exist: draw again.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }
}
