import { afterEach, expect, test, vi } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { backoffMs, ManagedConnection, type ManagedState } from '../../libvirt/client/managed.ts';
import { ErrorCode, LifecycleEvent } from '../../libvirt/constants.ts';
import { ClosedError, RemoteError } from '../../libvirt/errors.ts';
import type { EventName } from '../../libvirt/events.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';

let demo: Demo | undefined;
let managed: ManagedConnection | undefined;
let states: ManagedState[];

async function start(): Promise<{ demo: Demo; managed: ManagedConnection }> {
  states = [];
  demo = await startDemo();
  const { uri } = demo;
  managed = new ManagedConnection({
    open: (signal) => connect(uri, { signal, timeoutMs: 1_000 }),
    backoff: { firstMs: 5, maxMs: 20, factor: 2 },
    onState: (state) => states.push(state),
  });
  return { demo, managed };
}

/** Stops the daemon as if it were killed; resolves once the client has noticed. */
async function stopDaemon(): Promise<void> {
  await demo?.daemon.stop();
  await vi.waitFor(() => expect(states.at(-1)?.kind).not.toBe('open'));
}

afterEach(async () => {
  await managed?.close();
  await demo?.stop();
});

test('the wait doubles up to its maximum, its upper half at random', () => {
  const backoff = { firstMs: 100, maxMs: 1_000, factor: 2 };
  expect([1, 2, 3, 4, 5, 50].map((n) => backoffMs(backoff, n, 1))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
  expect(backoffMs(backoff, 3, 0)).toBe(200);
});

test('it comes back when the daemon does, with its events registered, and says its state', async () => {
  const { demo, managed } = await start();
  const seen: string[] = [];
  managed.on('lifecycle', ({ domain, event }) => seen.push(`${domain.name} ${event}`));
  const first = await managed.ready();
  demo.daemon.emit('lifecycle', {
    domain: demo.daemon.vm('web-01').domain,
    event: LifecycleEvent.stopped,
    detail: 0,
  });
  await stopDaemon();
  await demo.daemon.restart();
  const second = await managed.ready();
  expect(second).not.toBe(first);
  expect(managed.reconnects).toBe(1);
  demo.daemon.emit('lifecycle', {
    domain: demo.daemon.vm('web-02').domain,
    event: LifecycleEvent.started,
    detail: 0,
  });
  await vi.waitFor(() => expect(seen).toEqual(['web-01 5', 'web-02 2']));
  const kinds = states.map((state) => state.kind);
  expect([kinds[0], kinds[1], kinds[2], kinds.at(-1)]).toEqual(['connecting', 'open', 'waiting', 'open']);
});

test('an impatient caller gets the next failure, a patient caller waits through it', async () => {
  const { demo, managed } = await start();
  await managed.ready();
  await stopDaemon();
  await expect(managed.attempt()).rejects.toMatchObject({ code: expect.stringMatching(/^LIBVIRT_/) });
  const patient = managed.ready();
  await demo.daemon.restart();
  expect((await patient).closed).toBeUndefined();
  await stopDaemon();
  await expect(managed.ready(AbortSignal.timeout(50))).rejects.toBeInstanceOf(Error);
});

test('after close it does not reconnect and keeps no caller waiting', async () => {
  const { managed } = await start();
  await managed.ready();
  await stopDaemon();
  const waiting = managed.ready();
  await managed.close();
  await expect(waiting).rejects.toMatchObject({ code: 'LIBVIRT_CLOSED' });
  expect(managed.state).toEqual({ kind: 'closed' });
  await expect(managed.ready()).rejects.toMatchObject({ code: 'LIBVIRT_CLOSED' });
});

/** A daemon that refuses one event with this error, and accepts all others. */
function refusing(
  refused: EventName,
  libvirtCode: number,
  text = 'internal error: unsupported event ID 28',
): { managed: ManagedConnection; taken: string[] } {
  const taken: string[] = [];
  const closed = Promise.withResolvers<Error>();
  const connection = {
    closed: undefined,
    on: async (name: EventName) => {
      if (name === refused) throw new RemoteError('register', libvirtCode, 7, text);
      taken.push(name);
    },
    onClose: (listener: (reason: Error) => void) => void closed.promise.then(listener),
    close: async () => closed.resolve(new ClosedError('closed')),
  } as unknown as Connection;
  managed = new ManagedConnection({
    open: async () => connection,
    backoff: { firstMs: 5, maxMs: 5, factor: 1 },
  });
  for (const name of ['lifecycle', 'nicMacChange', 'vcpuRemoved', 'reboot'] as const)
    managed.on(name, () => undefined);
  return { managed, taken };
}

test('an event that the daemon is too old to know is skipped, and all others are registered', async () => {
  const { managed, taken } = refusing('vcpuRemoved', ErrorCode.internal);
  await managed.attempt();
  expect(taken).toEqual(['lifecycle', 'nicMacChange', 'reboot']);
});

test.each<[EventName, number, text?: string]>([
  // Every libvirt has this event.
  ['lifecycle', ErrorCode.internal],
  // Not because the libvirt is too old.
  ['vcpuRemoved', ErrorCode.accessDenied],
  ['vcpuRemoved', ErrorCode.internal, 'internal error: out of callbacks'],
])(
  'a daemon that refuses %s with error %i is not connected to: changes would be missed',
  async (name, code, text) => {
    await expect(refusing(name, code, text).managed.attempt()).rejects.toMatchObject({ libvirtCode: code });
  },
);
