import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EncodeError, ProtocolError } from '../../libvirt/errors.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import {
  array,
  bool,
  type Codec,
  hyper,
  int,
  opaque,
  optional,
  paddedChars,
  string,
  uhyper,
  uint,
  wideBytes,
} from '../../libvirt/wire/codec.ts';
import { domain, typedParam, typedParams } from '../../libvirt/wire/types.ts';
import { XdrReader, XdrWriter } from '../../libvirt/wire/xdr.ts';

function roundTrip<T>(codec: Codec<T>, value: T): T {
  const writer = new XdrWriter(4);
  codec.write(writer, value);
  const bytes = writer.finish();
  expect(bytes.length % 4).toBe(0);
  const reader = new XdrReader(bytes);
  const result = codec.read(reader);
  expect(reader.remaining).toBe(0);
  return result;
}

const text = fc.string({ unit: 'grapheme', maxLength: 50 }).filter((each) => !each.includes('\0'));

test('every scalar comes back as it was written', () => {
  fc.assert(fc.property(fc.integer(), (value) => roundTrip(int, value) === value));
  fc.assert(fc.property(fc.nat(0xffff_ffff), (value) => roundTrip(uint, value) === value));
  fc.assert(fc.property(fc.boolean(), (value) => roundTrip(bool, value) === value));
  fc.assert(fc.property(text, (value) => roundTrip(string, value) === value));
});

test('a 64-bit integer is exact: a number within 53 bits, a bigint beyond', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const read = roundTrip(hyper, value);
      expect(BigInt(read)).toBe(value);
      expect(typeof read).toBe(value >= -(2n ** 53n) && value < 2n ** 53n ? 'number' : 'bigint');
    }),
  );
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      expect(BigInt(roundTrip(uhyper, value))).toBe(value);
    }),
  );
});

test('typed parameters of every type come back, through a buffer that has to grow', () => {
  const value = (type: TypedParam['type']) =>
    ({
      [ParamType.int]: fc.integer(),
      [ParamType.uint]: fc.nat(0xffff_ffff),
      [ParamType.llong]: fc.maxSafeInteger(),
      [ParamType.ullong]: fc.maxSafeNat(),
      [ParamType.double]: fc.double({ noNaN: true }),
      [ParamType.boolean]: fc.boolean(),
      [ParamType.string]: text,
    })[type];
  const param = fc
    .constantFrom(...Object.values(ParamType))
    .chain((type) => fc.record({ field: text, type: fc.constant(type), value: value(type) }));
  fc.assert(
    fc.property(fc.array(param, { maxLength: 40 }), (params) => {
      expect(roundTrip(typedParams(64), params)).toEqual(params);
    }),
  );
});

test('char arrays take four bytes a character, signed as libvirt sends them', () => {
  expect(roundTrip(paddedChars(32), 'x86_64')).toBe('x86_64');
  expect(paddedChars(32).minBytes).toBe(128);
  const bytes = Uint8Array.from([0, 1, 0x7f, 0x80, 0xff]);
  expect([...roundTrip(wideBytes(16), bytes)]).toEqual([...bytes]);
  const writer = new XdrWriter();
  wideBytes(16).write(writer, Uint8Array.from([0xff]));
  expect(writer.finish().toString('hex')).toBe('00000001ffffffff');
});

test('a count is refused before anything is allocated for it', () => {
  const claims = Buffer.from('ffffffff00000000', 'hex');
  for (const codec of [string, opaque(100), array(int, 100), typedParams(100)] as Codec<unknown>[]) {
    expect(() => codec.read(new XdrReader(claims))).toThrow(ProtocolError);
  }
  // Allowed by the limit, but more than the frame can hold.
  const many = Buffer.from('00000010000000010000000200000003', 'hex');
  expect(() => array(int, 100).read(new XdrReader(many))).toThrow(/do not fit/);
});

test('an optional marked neither present nor absent is a broken frame', () => {
  expect(() => optional(int).read(new XdrReader(Buffer.from('0000000200000001', 'hex')))).toThrow(
    ProtocolError,
  );
  expect(roundTrip(optional(int), undefined)).toBeUndefined();
  expect(roundTrip(optional(int), 7)).toBe(7);
});

test('what does not fit the protocol is refused when it is written', () => {
  const write = <T>(codec: Codec<T>, value: T) => codec.write(new XdrWriter(), value);
  expect(() => write(int, 2 ** 31)).toThrow(EncodeError);
  expect(() => write(uint, -1)).toThrow(EncodeError);
  expect(() => write(uint, 1.5)).toThrow(EncodeError);
  expect(() => write(uhyper, 2n ** 64n)).toThrow(EncodeError);
  expect(() => write(string, 'a\0b')).toThrow(/NUL/);
  expect(() => write(domain, { name: 'x', uuid: 'no', id: 1 })).toThrow(/UUID/);
  expect(() => write(typedParam, { field: 'f', type: ParamType.int, value: 'text' })).toThrow(EncodeError);
  expect(() => write(array(int, 2), [1, 2, 3])).toThrow(EncodeError);
});

test('a type that no typed parameter has is a broken frame', () => {
  const bytes = Buffer.from('000000016100000000000009000000010000000000000000', 'hex');
  expect(() => typedParam.read(new XdrReader(bytes))).toThrow(/unknown type 9/);
});
