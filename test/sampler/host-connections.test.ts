import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CallName } from '../../libvirt/calls/all.ts';
import { ClosedError } from '../../libvirt/errors.ts';
import { HostConnections } from '../../sampler/host/host-connections.ts';
import { FakeOpener, turns } from './fake-link.ts';

let opener: FakeOpener;
let connections: HostConnections;

beforeEach(() => {
  vi.useFakeTimers();
  opener = new FakeOpener();
  connections = new HostConnections(opener.open);
});
afterEach(() => {
  vi.useRealTimers();
});

/** Makes calls, and records how each one ends. */
async function ask(...names: readonly CallName[]): Promise<unknown[]> {
  const ended: unknown[] = [];
  for (const name of names) {
    connections.call(name, undefined as never).then(
      (result) => ended.push(result),
      (error) => ended.push(error),
    );
  }
  await turns();
  return ended;
}

/** Four calls with different names, which take every place of a connection. */
const FOUR: readonly CallName[] = ['nodeGetInfo', 'nodeGetCpuMap', 'nodeGetCpuStats', 'nodeGetMemoryStats'];

test('the first call opens one connection, and all that wait are sent over it', async () => {
  opener.held = true;
  const ended = await ask('nodeGetInfo', 'nodeGetCpuMap');
  expect([connections.size, opener.pending.length]).toEqual([0, 1]);
  await opener.pending[0]?.succeed();
  expect([connections.size, opener.link(0).names]).toEqual([1, ['nodeGetInfo', 'nodeGetCpuMap']]);
  await opener.link(0).answer();
  await opener.link(0).answer(new Error('refused'));
  expect(ended).toEqual(['nodeGetInfo', new Error('refused')]);
});

test('two calls of a name are out at once; the third waits, and does not hold up those behind it', async () => {
  await ask('nodeGetInfo', 'nodeGetInfo', 'nodeGetInfo', 'nodeGetCpuMap');
  expect(opener.link(0).names).toEqual(['nodeGetInfo', 'nodeGetInfo', 'nodeGetCpuMap']);
  await opener.link(0).answer();
  expect(opener.link(0).names).toEqual(['nodeGetInfo', 'nodeGetCpuMap', 'nodeGetInfo']);
  await opener.link(0).answer();
  await opener.link(0).answer();
  await ask('nodeGetInfo', 'nodeGetInfo');
  expect(opener.link(0).names).toEqual(['nodeGetInfo', 'nodeGetInfo']);
});

test('of storage pools, which hang one by one, four are asked at once', async () => {
  await ask(...Array.from({ length: 5 }, () => 'storagePoolGetInfo' as const));
  expect([opener.link(0).out.length, connections.size]).toEqual([4, 1]);
  await vi.advanceTimersByTimeAsync(200);
  expect([opener.link(0).out.length, connections.size]).toEqual([4, 1]);
});

test('another connection is opened once every place has been taken for 100 ms, and no more than three', async () => {
  await ask(...FOUR, 'connectGetVersion');
  await vi.advanceTimersByTimeAsync(99);
  expect(connections.size).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect([connections.size, opener.link(1).names]).toEqual([2, ['connectGetVersion']]);
  await ask(...FOUR.slice(0, 3), 'connectGetLibVersion');
  await vi.advanceTimersByTimeAsync(100);
  expect([connections.size, opener.link(2).names]).toEqual([3, ['connectGetLibVersion']]);
  await ask(
    'connectGetHostname',
    'connectGetCapabilities',
    'connectGetVersion',
    'connectListAllStoragePools',
  );
  await vi.advanceTimersByTimeAsync(1_000);
  expect([connections.size, opener.link(2).out.length]).toEqual([3, 4]);
});

test('places that are taken for a shorter time open none, and the next time counts afresh', async () => {
  await ask(...FOUR, 'connectGetVersion');
  await vi.advanceTimersByTimeAsync(50);
  await opener.link(0).answer();
  await vi.advanceTimersByTimeAsync(100);
  expect(connections.size).toBe(1);
  await ask('nodeGetInfo');
  await vi.advanceTimersByTimeAsync(99);
  expect(connections.size).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(connections.size).toBe(2);
});

test('while a connection is being opened no other is', async () => {
  await ask(...FOUR, 'connectGetVersion');
  opener.held = true;
  await vi.advanceTimersByTimeAsync(100);
  await ask('connectGetLibVersion');
  await vi.advanceTimersByTimeAsync(500);
  expect(opener.pending).toHaveLength(1);
});

test('calls in flight for longer than the given time are stuck', async () => {
  await ask('nodeGetInfo');
  await vi.advanceTimersByTimeAsync(60);
  await ask('nodeGetCpuMap');
  await vi.advanceTimersByTimeAsync(40);
  expect([connections.stuckCalls(100), connections.stuckCalls(99), connections.stuckCalls(39)]).toEqual([
    0, 1, 2,
  ]);
  await opener.link(0).answer();
  expect(connections.stuckCalls(39)).toBe(1);
});

test('connections that only calls which hung needed are closed once they are idle, the newest first', async () => {
  await ask(...FOUR, 'connectGetVersion');
  await vi.advanceTimersByTimeAsync(100);
  connections.shrink();
  expect(connections.size).toBe(2);
  await opener.link(1).answer();
  connections.shrink();
  connections.shrink();
  expect([connections.size, opener.link(1).closedByClient, opener.link(0).closedByClient]).toEqual([
    1,
    true,
    false,
  ]);
  while (opener.link(0).out.length > 0) await opener.link(0).answer();
  connections.shrink();
  expect([connections.size, connections.lost]).toEqual([1, 0]);
});

test('a connection that the daemon ends counts as lost, and the next call opens another', async () => {
  await ask('nodeGetInfo');
  opener.link(0).lose();
  opener.link(0).lose();
  expect([connections.size, connections.lost]).toEqual([0, 1]);
  await ask('nodeGetCpuMap');
  expect([connections.size, opener.link(1).names]).toEqual([1, ['nodeGetCpuMap']]);
});

test('where no connection can be opened, calls fail with the reason; the next call tries again', async () => {
  opener.held = true;
  const ended = await ask('nodeGetInfo', 'nodeGetCpuMap');
  await opener.pending[0]?.fail(new Error('no such socket'));
  expect(ended).toEqual([new Error('no such socket'), new Error('no such socket')]);
  await ask('nodeGetInfo');
  expect(opener.pending).toHaveLength(2);
});

test('where another connection cannot be opened, calls wait for a place on the first', async () => {
  const ended = await ask(...FOUR, 'connectGetVersion');
  opener.held = true;
  await vi.advanceTimersByTimeAsync(100);
  await opener.pending[0]?.fail(new Error('too many clients'));
  expect([ended, connections.size]).toEqual([[], 1]);
  await opener.link(0).answer();
  expect(opener.link(0).names).toContain('connectGetVersion');
});

test('closing ends the connections and the calls that wait, and a connection that opens late is closed too', async () => {
  const ended = await ask(...FOUR, 'connectGetVersion');
  opener.held = true;
  await vi.advanceTimersByTimeAsync(100);
  await connections.close();
  expect([connections.size, connections.lost, opener.link(0).closedByClient]).toEqual([0, 0, true]);
  expect(ended).toEqual([expect.any(ClosedError)]);
  await opener.pending[0]?.succeed();
  expect([connections.size, opener.link(1).closedByClient]).toEqual([0, true]);
});

test('after closing no connection is opened for a place that was waited for', async () => {
  await ask(...FOUR, 'connectGetVersion');
  await connections.close();
  expect(vi.getTimerCount()).toBe(0);
});
