import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RpcChannel } from '../../libvirt/client/rpc-channel.ts';
import { CallAbandonedError, ClosedError, EncodeError, ProtocolError } from '../../libvirt/errors.ts';
import { encodeFrame, type Frame, Program } from '../../libvirt/wire/frame.ts';
import { FakeTransport } from './fake-transport.ts';
import { testDomain } from './golden.ts';

let transport: FakeTransport;
let channel: RpcChannel;
let closedWith: Error[];

beforeEach(() => {
  vi.useFakeTimers();
  transport = new FakeTransport();
  closedWith = [];
  channel = new RpcChannel(transport, {
    event: () => undefined,
    closed: (reason) => closedWith.push(reason),
  });
});
afterEach(() => vi.useRealTimers());

const lookUp = (options?: Parameters<RpcChannel['call']>[2]) =>
  channel.call('domainIsActive', { domain: testDomain }, options);
const answer = (frame: Frame | undefined, active: boolean) =>
  transport.reply(frame as Frame, (w) => w.int(Number(active)));

test('four calls are in flight at most, and the rest follow in the order they were made', async () => {
  const results = Array.from({ length: 10 }, () => lookUp());
  expect(transport.calls).toHaveLength(4);
  for (let i = 0; i < 10; i++) {
    answer(transport.calls[i], i % 2 === 0);
    expect(transport.calls.length).toBe(Math.min(10, i + 5));
  }
  expect(await Promise.all(results)).toEqual(Array.from({ length: 10 }, (_, i) => ({ active: i % 2 === 0 })));
  expect(transport.calls.map((frame) => frame.header.serial)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('replies in any order reach the calls they belong to', async () => {
  const [first, second] = [lookUp(), lookUp()];
  answer(transport.calls[1], true);
  answer(transport.calls[0], false);
  expect(await first).toEqual({ active: false });
  expect(await second).toEqual({ active: true });
});

test('a call past its deadline keeps its place until the server has answered', async () => {
  const stuck = lookUp({ timeoutMs: 1_000 }).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1_000);
  const error = (await stuck) as CallAbandonedError;
  expect(error).toBeInstanceOf(CallAbandonedError);
  expect(error.code).toBe('LIBVIRT_CALL_TIMEOUT');
  expect([channel.abandonedCalls, channel.freePlaces]).toEqual([1, 3]);
  let finished = false;
  void error.finished.then(() => {
    finished = true;
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(finished).toBe(false);
  answer(transport.calls[0], true);
  await vi.advanceTimersByTimeAsync(0);
  expect(finished).toBe(true);
  expect([channel.abandonedCalls, channel.freePlaces]).toEqual([0, 4]);
});

test('a call that is given up while it waits its turn is never sent', async () => {
  const held = Array.from({ length: 4 }, () => lookUp());
  const abort = new AbortController();
  const waiting = lookUp({ signal: abort.signal }).catch((error: unknown) => error);
  abort.abort(new Error('enough'));
  expect(await waiting).toMatchObject({ code: 'LIBVIRT_CALL_ABORTED', cause: new Error('enough') });
  for (let i = 0; i < 4; i++) answer(transport.calls[i], true);
  await Promise.all(held);
  expect(transport.calls).toHaveLength(4);
});

test('arguments that do not fit are refused, and the next call gets the slot', async () => {
  await expect(channel.call('domainLookupByName', { name: 'a\0b' })).rejects.toThrow(EncodeError);
  expect(transport.calls).toHaveLength(0);
  void lookUp();
  expect(transport.calls).toHaveLength(1);
});

test.each([
  [
    'a reply to no call',
    () =>
      encodeFrame({ program: Program.remote, version: 1, procedure: 150, type: 1, serial: 99, status: 0 }),
  ],
  [
    'a reply of another procedure',
    () =>
      encodeFrame(
        { program: Program.remote, version: 1, procedure: 151, type: 1, serial: 1, status: 0 },
        (w) => w.int(1),
      ),
  ],
  [
    'an unknown program',
    () => encodeFrame({ program: 7, version: 1, procedure: 1, type: 1, serial: 1, status: 0 }),
  ],
  [
    'a call from the server',
    () => encodeFrame({ program: Program.remote, version: 1, procedure: 1, type: 0, serial: 1, status: 0 }),
  ],
  [
    'an unknown status',
    () => encodeFrame({ program: Program.remote, version: 1, procedure: 150, type: 1, serial: 1, status: 2 }),
  ],
  [
    'a reply cut short',
    () => encodeFrame({ program: Program.remote, version: 1, procedure: 150, type: 1, serial: 1, status: 0 }),
  ],
  ['an impossible length', () => Buffer.from('ffffffff', 'hex')],
])('%s closes the connection, and every waiting call rejects with a ProtocolError', async (_what, bytes) => {
  const calls = Array.from({ length: 6 }, () => lookUp().catch((error: unknown) => error));
  transport.receive(bytes());
  for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(ProtocolError);
  expect(transport.destroyed).toBe(true);
  expect(closedWith).toHaveLength(1);
  await expect(lookUp()).rejects.toBe(closedWith[0]);
});

test('a connection that ends rejects what waits, also what was abandoned before', async () => {
  const abandoned = lookUp({ timeoutMs: 10 }).catch((error: CallAbandonedError) => error);
  await vi.advanceTimersByTimeAsync(10);
  const waiting = lookUp();
  transport.closeFromOutside(new Error('reset'));
  await expect(waiting).rejects.toThrow(ClosedError);
  await ((await abandoned) as CallAbandonedError).finished;
  expect(channel.abandonedCalls).toBe(0);
});

test("the server's ping is answered at once, even with every place held", () => {
  for (let i = 0; i < 6; i++) void lookUp().catch(() => undefined);
  const ping = { program: Program.keepalive, version: 1, procedure: 1, type: 2, serial: 0, status: 0 };
  transport.receive(encodeFrame(ping));
  expect(transport.sent.at(-1)?.header).toEqual({ ...ping, procedure: 2 });
});

test('a daemon that pings without end is answered now and then', () => {
  const ping = { program: Program.keepalive, version: 1, procedure: 1, type: 2, serial: 0, status: 0 };
  const many = Buffer.concat(Array.from({ length: 1_000 }, () => encodeFrame(ping)));
  const before = transport.sent.length;
  for (let chunk = 0; chunk < 20; chunk++) transport.receive(many);
  const pongs = transport.sent.slice(before).filter(({ header }) => header.procedure === 2);
  expect(pongs.length).toBeGreaterThan(0);
  // Twenty thousand without a limit; one per 100 ms with it.
  expect(pongs.length).toBeLessThan(2_000);
});

test('silence triggers pings, and too long a silence closes the connection', async () => {
  channel.startKeepAlive({ intervalMs: 1_000, maxMisses: 3 });
  await vi.advanceTimersByTimeAsync(3_000);
  const pings = transport.sent.filter((frame) => frame.header.program === Program.keepalive);
  expect(pings).toHaveLength(3);
  // Any packet proves that the peer is alive.
  transport.receive(
    encodeFrame({ program: Program.keepalive, version: 1, procedure: 2, type: 2, serial: 0, status: 0 }),
  );
  await vi.advanceTimersByTimeAsync(3_000);
  expect(closedWith).toEqual([]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(closedWith).toHaveLength(1);
  expect(closedWith[0]?.message).toContain('sent nothing for');
});
