import { expect, test } from 'vitest';
import { type CallName, calls } from '../../libvirt/calls/all.ts';
import type { CallDeclaration } from '../../libvirt/calls/call.ts';
import { EventHub } from '../../libvirt/client/event-hub.ts';
import { decodeReply } from '../../libvirt/client/rpc-channel.ts';
import { ProtocolError } from '../../libvirt/errors.ts';
import { type EventName, events } from '../../libvirt/events.ts';
import type { Codec } from '../../libvirt/wire/codec.ts';
import { encodeFrame, FrameSplitter, Program } from '../../libvirt/wire/frame.ts';
import { remoteErrorPayload } from '../../libvirt/wire/remote-error.ts';
import { XdrReader, XdrWriter } from '../../libvirt/wire/xdr.ts';
import { seededRandom } from '../../simulator/random.ts';
import { draw } from './random-reader.ts';

/** More than a million in CI; an ordinary run has enough to catch a careless change. */
const FRAMES = Number(process.env['VIRTUNE_FUZZ_FRAMES'] ?? 100_000);
const SEED = Number(process.env['VIRTUNE_FUZZ_SEED'] ?? 20_260_101);
/** Many times what the decoder may allocate for a frame of a few hundred bytes. */
const GROWTH_MAX_BYTES = 256 * 1024 * 1024;

const names = Object.keys(calls) as CallName[];
const declaration = (name: CallName): CallDeclaration => calls[name];

function encoded(codec: Codec<unknown>, value: unknown): Buffer {
  const writer = new XdrWriter();
  codec.write(writer, value);
  return writer.finish();
}

test("every call's arguments and reply, and every event, come back as they were written", () => {
  const random = seededRandom(SEED);
  const codecs = [
    ...names.flatMap((name) => [declaration(name).args, declaration(name).ret]),
    ...Object.values(events).map((event) => event.payload),
    remoteErrorPayload,
  ] as Codec<unknown>[];
  for (const codec of codecs) {
    for (let i = 0; i < 20; i++) {
      const value = draw(codec, random);
      const bytes = encoded(codec, value);
      expect(bytes.length).toBeGreaterThanOrEqual(codec.minBytes);
      const reader = new XdrReader(bytes);
      expect(codec.read(reader)).toEqual(value);
      expect(reader.remaining).toBe(0);
    }
  }
});

const EXTREMES = [0, 1, 4, 27, 28, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 33_554_436, 4_194_304];

/** Applies one to three changes that a broken or hostile peer might make. */
function mutate(frame: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(frame);
  const below = (n: number): number => Math.floor(random() * n);
  for (let change = below(3); change >= 0; change--) {
    const at = below(bytes.length);
    switch (below(6)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes = bytes.subarray(0, at);
        break;
      case 2:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.alloc(below(12), below(256)),
          bytes.subarray(at),
        ]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(12))]);
        break;
      default: {
        const word = (at >> 2) << 2;
        if (word + 4 <= bytes.length) bytes.writeUInt32BE(EXTREMES[below(EXTREMES.length)] as number, word);
      }
    }
    if (bytes.length === 0) return bytes;
  }
  // Half of them have a correct length, so that the damage reaches the decoders.
  if (bytes.length >= 4 && random() < 0.5) bytes.writeUInt32BE(bytes.length, 0);
  return bytes;
}

/** Feeds the splitter in random pieces or byte by byte, then the decoder of the call or event. */
function feed(
  bytes: Buffer,
  what: CallName | 'event',
  random: () => number,
): 'value' | 'refused' | 'waiting' {
  const splitter = new FrameSplitter();
  const hub = new EventHub();
  let outcome: 'value' | 'waiting' = 'waiting';
  const bytewise = random() < 0.05;
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = bytewise ? at + 1 : at + 1 + Math.floor(random() * bytes.length);
      splitter.push(bytes.subarray(at, end), ({ header, payload }) => {
        if (what === 'event') hub.received(header.procedure, payload);
        else decodeReply(what, declaration(what), header.status, payload);
        outcome = 'value';
      });
      at = end;
    }
    return outcome;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return 'refused';
  }
}

test(`${FRAMES} mutated frames give a value or a ProtocolError and nothing else`, {
  timeout: 600_000,
}, () => {
  const random = seededRandom(SEED);
  const eventNames = Object.keys(events) as EventName[];
  const tally = { value: 0, refused: 0, waiting: 0 };
  const before = process.memoryUsage();
  let peakBytes = 0;
  for (let i = 0; i < FRAMES; i++) {
    const isEvent = i % 10 === 9;
    const name = names[i % names.length] as CallName;
    const isError = i % 7 === 0;
    const event = events[eventNames[i % eventNames.length] as EventName];
    const codec = (
      isEvent ? event.payload : isError ? remoteErrorPayload : declaration(name).ret
    ) as Codec<unknown>;
    const header = {
      program: Program.remote,
      version: 1,
      procedure: isEvent ? event.proc : declaration(name).proc,
      type: isEvent ? 2 : 1,
      serial: 1,
      status: isEvent || !isError ? 0 : 1,
    };
    const frame = encodeFrame(header, (writer) => {
      if (isEvent) writer.int(1);
      codec.write(writer, draw(codec, random));
    });
    const bytes = mutate(frame, random);
    try {
      tally[feed(bytes, isEvent ? 'event' : name, random)]++;
    } catch (error) {
      throw new Error(`seed ${SEED}, frame ${i} (${isEvent ? 'event' : name}): ${bytes.toString('hex')}`, {
        cause: error,
      });
    }
    if (i % 10_000 === 0) {
      const { heapUsed, external } = process.memoryUsage();
      peakBytes = Math.max(peakBytes, heapUsed + external - before.heapUsed - before.external);
    }
  }
  expect(tally.value).toBeGreaterThan(FRAMES / 100);
  expect(tally.refused).toBeGreaterThan(FRAMES / 10);
  expect(peakBytes).toBeLessThan(GROWTH_MAX_BYTES);
  console.log(
    `${FRAMES} frames: ${JSON.stringify(tally)}, memory grew by at most ${Math.round(peakBytes / 1e6)} MB`,
  );
});

test('every way to cut a real reply short is refused or waited for, byte by byte', () => {
  for (const name of names) {
    const random = seededRandom(SEED);
    const codec = declaration(name).ret as Codec<unknown>;
    const payload = encoded(codec, draw(codec, random));
    for (let length = 0; length < payload.length; length++) {
      expect(() => decodeReply(name, declaration(name), 0, payload.subarray(0, length)), name).toThrow(
        ProtocolError,
      );
    }
  }
});
