import { EncodeError, ProtocolError } from '../errors.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

/**
 * How one type of the protocol is read and written. The client reads replies and writes arguments with it; a
 * server (the simulator) does the reverse with the same declaration.
 */
export interface Codec<T> {
  /** Minimum encoded size: bounds an array's count before it is allocated. */
  readonly minBytes: number;
  read(reader: XdrReader): T;
  write(writer: XdrWriter, value: T): void;
}

export type Value<C> = C extends Codec<infer T> ? T : never;

/** libvirt's REMOTE_STRING_MAX. */
export const STRING_MAX_BYTES = 4_194_304;

export const int: Codec<number> = {
  minBytes: 4,
  read: (r) => r.int(),
  write: (w, value) => w.int(value),
};

export const uint: Codec<number> = {
  minBytes: 4,
  read: (r) => r.uint(),
  write: (w, value) => w.uint(value),
};

export const hyper: Codec<number | bigint> = {
  minBytes: 8,
  read: (r) => r.hyper(),
  write: (w, value) => w.hyper(value),
};

export const uhyper: Codec<number | bigint> = {
  minBytes: 8,
  read: (r) => r.unsignedHyper(),
  write: (w, value) => w.unsignedHyper(value),
};

/** libvirt sends `bool` and its int-typed flags alike: 0 is false. */
export const bool: Codec<boolean> = {
  minBytes: 4,
  read: (r) => r.int() !== 0,
  write: (w, value) => w.int(value ? 1 : 0),
};

export const string: Codec<string> = {
  minBytes: 4,
  read: (r) => r.string(STRING_MAX_BYTES),
  write: (w, value) => w.string(value, STRING_MAX_BYTES),
};

export function opaque(maxBytes: number): Codec<Uint8Array> {
  return {
    minBytes: 4,
    read: (r) => r.opaque(maxBytes),
    write: (w, value) => w.opaque(value, maxBytes),
  };
}

/** A pointer: absent is `undefined`. */
export function optional<T>(inner: Codec<T>): Codec<T | undefined> {
  return {
    minBytes: 4,
    read(r) {
      const present = r.uint();
      if (present > 1) throw new ProtocolError(`an optional item is marked ${present}, neither 0 nor 1`);
      return present === 1 ? inner.read(r) : undefined;
    },
    write(w, value) {
      w.uint(value === undefined ? 0 : 1);
      if (value !== undefined) inner.write(w, value);
    },
  };
}

export function array<T>(item: Codec<T>, max: number): Codec<readonly T[]> {
  if (item.minBytes === 0) throw new RangeError('an item of zero bytes cannot bound an array');
  return {
    minBytes: 4,
    read(r) {
      const count = r.count(max, item.minBytes, 'array');
      const items: T[] = [];
      for (let i = 0; i < count; i++) items.push(item.read(r));
      return items;
    },
    write(w, items) {
      if (items.length > max) throw new EncodeError(`${items.length} items, at most ${max} are allowed`);
      w.uint(items.length);
      for (const each of items) item.write(w, each);
    },
  };
}

type Fields = Readonly<Record<string, Codec<never>>> | Readonly<Record<string, Codec<unknown>>>;
type StructValue<F> = { readonly [K in keyof F]: Value<F[K]> };

/** Items one after another, in the order of the declaration. */
export function struct<const F extends Fields>(fields: F): Codec<StructValue<F>> {
  const entries = Object.entries(fields) as [string, Codec<unknown>][];
  return {
    minBytes: entries.reduce((sum, [, codec]) => sum + codec.minBytes, 0),
    read(r) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries) value[name] = codec.read(r);
      return value as StructValue<F>;
    },
    write(w, value) {
      for (const [name, codec] of entries) {
        try {
          codec.write(w, (value as Record<string, unknown>)[name]);
        } catch (error) {
          if (error instanceof EncodeError) throw new EncodeError(`${name}: ${error.message}`);
          throw error;
        }
      }
    },
  };
}

/** The payload of a call without arguments or without a result. */
export const nothing: Codec<undefined> = { minBytes: 0, read: () => undefined, write: () => undefined };

/** XDR `char x[n]`: four bytes per character, ended early by a NUL. Characters are bytes: Latin-1. */
export function paddedChars(length: number): Codec<string> {
  return {
    minBytes: length * 4,
    read(r) {
      const bytes: number[] = [];
      for (let i = 0; i < length; i++) bytes.push(r.int() & 0xff);
      const end = bytes.indexOf(0);
      return Buffer.from(end < 0 ? bytes : bytes.slice(0, end)).toString('latin1');
    },
    write(w, value) {
      const bytes = Buffer.from(value, 'latin1');
      if (bytes.length > length)
        throw new EncodeError(`text of ${bytes.length} bytes, at most ${length} are allowed`);
      for (let i = 0; i < length; i++) w.int(bytes[i] ?? 0);
    },
  };
}

/** XDR `char x<max>`: a count, then four bytes per character (how libvirt carries SASL data). */
export function wideBytes(max: number): Codec<Uint8Array> {
  return {
    minBytes: 4,
    read(r) {
      const count = r.count(max, 4, 'char array');
      const bytes = Buffer.allocUnsafe(count);
      for (let i = 0; i < count; i++) bytes[i] = r.int() & 0xff;
      return bytes;
    },
    write(w, value) {
      if (value.length > max) throw new EncodeError(`${value.length} bytes, at most ${max} are allowed`);
      w.uint(value.length);
      // `char` is signed where libvirt runs, and its XDR routine sign-extends it.
      for (const byte of value) w.int((byte << 24) >> 24);
    },
  };
}
