import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CallName } from '../../libvirt/calls/all.ts';
import { RemoteError } from '../../libvirt/errors.ts';
import { ConnectionPool } from '../../sampler/connection-pool.ts';
import { Deadline } from '../../sampler/deadline.ts';
import { FakeOpener, turns } from './fake-link.ts';

let opener: FakeOpener;
let pool: ConnectionPool;

beforeEach(() => {
  vi.useFakeTimers();
  opener = new FakeOpener();
  pool = new ConnectionPool({ open: opener.open, base: 2, max: 3 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Opens the base connections. */
async function started(): Promise<void> {
  pool.startTick();
  await turns();
}

/** Makes calls, and records how each one ends. */
async function ask(
  count: number,
  name: CallName = 'domainGetState',
  deadline = new Deadline(1_000),
): Promise<unknown[]> {
  const ended: unknown[] = [];
  for (let each = 0; each < count; each++) {
    pool.call(name, undefined as never, { deadline, timeoutMs: 500 }).then(
      (result) => ended.push(result),
      (error) => ended.push(error),
    );
  }
  await turns();
  return ended;
}

const outs = (): number[] => opener.links.map(({ out }) => out.length);

test('a tick opens the base connections that are missing, and no more', async () => {
  opener.held = true;
  pool.startTick();
  pool.startTick();
  expect([pool.size, opener.pending.length]).toEqual([0, 2]);
  for (const { succeed } of [...opener.pending]) await succeed();
  pool.startTick();
  expect([pool.size, opener.pending.length]).toEqual([2, 2]);
  opener.link(0).lose();
  opener.link(0).lose();
  expect([pool.size, pool.lost]).toEqual([1, 1]);
  pool.startTick();
  expect(opener.pending).toHaveLength(3);
});

test('slots count over all connections that may be opened; stuck calls over all that are open', async () => {
  await started();
  expect([pool.placesMax, pool.stuckCalls]).toEqual([12, 0]);
  opener.link(0).abandonedCalls = 1;
  opener.link(1).abandonedCalls = 3;
  expect(pool.stuckCalls).toBe(4);
});

test('each call goes over the emptiest connection; where all are full none is picked', async () => {
  expect(pool.pick()).toBeUndefined();
  await started();
  await ask(3);
  expect(outs()).toEqual([2, 1]);
  await ask(5);
  expect([outs(), pool.pick()]).toEqual([[4, 4], undefined]);
});

test('a call that finds no place opens another connection, up to the most there may be', async () => {
  await started();
  await ask(9);
  await vi.advanceTimersByTimeAsync(20);
  expect(outs()).toEqual([4, 4, 1]);
  await ask(4);
  await vi.advanceTimersByTimeAsync(200);
  expect(outs()).toEqual([4, 4, 4]);
  await opener.link(0).answer();
  await vi.advanceTimersByTimeAsync(20);
  expect(outs()).toEqual([4, 4, 4]);
});

test('a call that finds no place before the deadline is late', async () => {
  await started();
  const short = new AbortController();
  const deadline = {
    signal: short.signal,
    remainingMs: 50,
    get aborted() {
      return short.signal.aborted;
    },
  } as Deadline;
  await ask(12);
  await vi.advanceTimersByTimeAsync(40);
  const ended = await ask(1, 'domainGetState', deadline);
  await vi.advanceTimersByTimeAsync(40);
  expect(ended).toEqual([]);
  short.abort();
  await vi.advanceTimersByTimeAsync(20);
  expect(ended).toEqual(['late']);
  const caller = pool.caller({ deadline, timeoutMs: 10 });
  await expect(caller.call('domainGetState', undefined as never)).rejects.toMatchObject({
    code: 'SAMPLER_NO_PLACE',
  });
});

test('a call has its own timeout or the time left until the deadline, whichever is less', async () => {
  await started();
  await ask(1, 'domainGetState', new Deadline(200));
  await ask(1, 'domainGetState', new Deadline(900));
  expect(opener.links.flatMap(({ out }) => out.map(({ options }) => options?.timeoutMs))).toEqual([200, 500]);
});

test('what is sent beside a call goes over the same connection', async () => {
  await started();
  await ask(1);
  const beside = vi.fn();
  void pool.call(
    'domainGetState',
    undefined as never,
    { deadline: new Deadline(100), timeoutMs: 10 },
    beside,
  );
  expect(beside.mock.calls).toEqual([[opener.link(1)]]);
});

test('an answer to statistics, or their refusal, proves free workers for all that was sent before', async () => {
  await started();
  const beforeMs = performance.now() - 1;
  expect(pool.hasAnsweredSince(beforeMs)).toBe(false);
  await ask(1, 'domainGetState');
  await opener.link(0).answer();
  expect(pool.hasAnsweredSince(beforeMs)).toBe(false);
  await ask(1, 'connectGetAllDomainStats');
  await opener.link(0).answer(new Error('the connection was closed'));
  expect(pool.hasAnsweredSince(beforeMs)).toBe(false);
  await ask(1, 'connectGetAllDomainStats');
  await opener.link(0).answer(new RemoteError('connectGetAllDomainStats', 42, 10, 'no domain'));
  expect([pool.hasAnsweredSince(beforeMs), pool.hasAnsweredSince(performance.now())]).toEqual([true, false]);
});

test('of two answers the one that was sent later counts, whichever comes first', async () => {
  await started();
  await ask(1, 'connectGetAllDomainStats');
  await vi.advanceTimersByTimeAsync(10);
  const betweenMs = performance.now() - 5;
  await ask(1, 'connectGetAllDomainStats');
  await opener.link(1).answer();
  expect(pool.hasAnsweredSince(betweenMs)).toBe(true);
  await opener.link(0).answer();
  expect(pool.hasAnsweredSince(betweenMs)).toBe(true);
});

test('connections beyond the base are closed once idle, the newest first, but the base only by the daemon', async () => {
  await started();
  await ask(9);
  await vi.advanceTimersByTimeAsync(20);
  pool.shrink();
  expect(pool.size).toBe(3);
  await opener.link(2).answer();
  pool.shrink();
  expect([pool.size, opener.link(2).closedByClient, pool.lost]).toEqual([2, true, 0]);
  for (const link of opener.links.slice(0, 2)) while (link.out.length > 0) await link.answer();
  pool.shrink();
  expect(pool.size).toBe(2);
});

test('an idle connection stays while the others hold stuck calls', async () => {
  await started();
  await ask(9);
  await vi.advanceTimersByTimeAsync(20);
  for (const link of opener.links) while (link.out.length > 0) await link.answer();
  opener.link(0).abandonedCalls = 2;
  pool.shrink();
  expect([pool.size, opener.link(2).closedByClient]).toEqual([3, false]);
  opener.link(0).abandonedCalls = 0;
  pool.shrink();
  expect([pool.size, opener.link(2).closedByClient]).toEqual([2, true]);
});

test('where no connection can be opened, a call fails with the reason, and the next tick tries again', async () => {
  opener.held = true;
  pool.startTick();
  const ended = await ask(1);
  for (const { fail } of [...opener.pending]) await fail(new Error('no such socket'));
  await vi.advanceTimersByTimeAsync(20);
  expect(ended).toEqual([new Error('no such socket')]);
  expect((await ask(1))[0]).toEqual(new Error('no such socket'));
  expect(opener.pending).toHaveLength(2);
  pool.startTick();
  expect(opener.pending).toHaveLength(4);
  const later = await ask(1);
  for (const { succeed } of opener.pending.slice(2)) await succeed();
  await vi.advanceTimersByTimeAsync(20);
  await opener.link(0).answer();
  expect(later).toEqual(['domainGetState']);
});

test('where one more cannot be opened, calls wait for a place on those that are', async () => {
  await started();
  opener.held = true;
  const ended = await ask(9);
  await opener.pending[0]?.fail(new Error('too many clients'));
  await vi.advanceTimersByTimeAsync(60);
  expect([ended, opener.pending.length]).toEqual([[], 1]);
  await opener.link(0).answer();
  await vi.advanceTimersByTimeAsync(20);
  expect(outs()).toEqual([4, 4]);
});

test('closing ends every connection, and one that opens late is closed too', async () => {
  await started();
  opener.held = true;
  await ask(9);
  await pool.close();
  expect([pool.size, pool.lost]).toEqual([0, 0]);
  expect(opener.links.map(({ closedByClient }) => closedByClient)).toEqual([true, true]);
  await opener.pending[0]?.succeed();
  expect([pool.size, opener.link(2).closedByClient]).toEqual([0, true]);
});
