import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CallName, calls } from '../../libvirt/calls/all.ts';
import { decodeReply } from '../../libvirt/client/rpc-channel.ts';
import { ProtocolError, RemoteError } from '../../libvirt/errors.ts';
import type { Codec } from '../../libvirt/wire/codec.ts';
import {
  encodeFrame,
  FRAME_MAX_BYTES,
  type Frame,
  FrameSplitter,
  Program,
} from '../../libvirt/wire/frame.ts';
import { golden, testDomain } from './golden.ts';

function split(chunks: readonly Buffer[]): Frame[] {
  const splitter = new FrameSplitter();
  const frames: Frame[] = [];
  for (const chunk of chunks) splitter.push(chunk, (frame) => frames.push(frame));
  return frames;
}

function decode(name: CallName, bytes: Buffer): unknown {
  const [frame] = split([bytes]);
  if (frame === undefined) throw new Error('no frame');
  const outcome = decodeReply(name, calls[name], frame.header.status, frame.payload);
  return outcome.ok ? outcome.value : outcome.error;
}

function encode(name: CallName, serial: number, args: unknown): Buffer {
  const call = calls[name];
  const header = { program: Program.remote, version: 1, procedure: call.proc, type: 0, serial, status: 0 };
  return encodeFrame(header, (writer) => (call.args as Codec<unknown>).write(writer, args));
}

test('calls are encoded to the bytes that a real client sends', () => {
  expect(encode('authList', 1, undefined)).toEqual(golden.authListCall);
  expect(encode('connectOpen', 3, { name: 'test:///default', flags: 0 })).toEqual(golden.openCall);
});

test('replies of a real daemon are understood', () => {
  expect(decode('authList', golden.authListReply)).toEqual({ types: [0] });
  expect(decode('connectListAllDomains', golden.listReply)).toEqual({ domains: [testDomain], count: 1 });
  expect(decode('connectGetAllDomainStats', golden.statsReply)).toEqual({
    records: [
      {
        domain: testDomain,
        params: [
          { field: 'state.state', type: 1, value: 1 },
          { field: 'state.reason', type: 1, value: 0 },
        ],
      },
    ],
  });
});

test('an error reply becomes a RemoteError with the code of libvirt', () => {
  const error = decode('domainLookupByName', golden.errorReply);
  expect(error).toBeInstanceOf(RemoteError);
  expect(error).toMatchObject({ code: 'LIBVIRT_REMOTE', libvirtCode: 42, libvirtDomain: 12 });
  expect((error as RemoteError).message).toContain('Domain not found');
});

test('bytes more than the declaration are a broken frame', () => {
  const longer = Buffer.concat([golden.authListReply, Buffer.alloc(4)]);
  longer.writeUInt32BE(longer.length, 0);
  expect(() => decode('authList', longer)).toThrow(/4 bytes more/);
});

test('frames come out the same however the bytes arrive', () => {
  const all = Object.values(golden);
  const bytes = Buffer.concat(all);
  const whole = split([bytes]);
  expect(whole).toHaveLength(all.length);
  expect(split([...bytes].map((byte) => Buffer.from([byte])))).toEqual(whole);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      expect(split(chunks)).toEqual(whole);
    }),
  );
});

test('a frame of megabytes that comes byte by byte is held in few pieces, and comes out whole', () => {
  const bytes = Buffer.alloc(300_000, 7);
  bytes.writeUInt32BE(bytes.length, 0);
  const splitter = new FrameSplitter();
  const frames: Frame[] = [];
  let pieces = 0;
  for (const byte of bytes) {
    splitter.push(Buffer.of(byte), (frame) => frames.push(frame));
    pieces = Math.max(pieces, splitter.bufferedChunks);
  }
  // Without this, each byte is a separate piece that costs a hundred bytes.
  expect(pieces).toBeLessThan(100);
  expect(frames).toHaveLength(1);
  expect(frames[0]?.payload.equals(bytes.subarray(28))).toBe(true);
  expect(splitter.bufferedBytes).toBe(0);
});

test('a length that no frame has is refused before its bytes are kept', () => {
  for (const length of [0, 27, FRAME_MAX_BYTES + 1, 0xffff_ffff]) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(length);
    expect(() => split([bytes])).toThrow(ProtocolError);
  }
});

test('a server other than libvirtd is recognised', () => {
  expect(() => split([Buffer.from('HTTP/1.1 400 Bad Request\r\n')])).toThrow(/libvirt daemon/);
});
