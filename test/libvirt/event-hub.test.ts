import { expect, test } from 'vitest';
import { EventHub } from '../../libvirt/client/event-hub.ts';
import { ProtocolError } from '../../libvirt/errors.ts';
import { events } from '../../libvirt/events.ts';
import type { Codec } from '../../libvirt/wire/codec.ts';
import { XdrWriter } from '../../libvirt/wire/xdr.ts';
import { testDomain } from './golden.ts';

function lifecycle(callbackId: number, event: number): Buffer {
  const writer = new XdrWriter();
  writer.int(callbackId);
  (events.lifecycle.payload as Codec<unknown>).write(writer, { domain: testDomain, event, detail: 0 });
  return writer.finish();
}

test('an event that comes before the reply to its registration is not lost', async () => {
  const hub = new EventHub();
  const seen: number[] = [];
  const reply = Promise.withResolvers<number>();
  const registered = hub.register(
    'lifecycle',
    ({ event }) => seen.push(event),
    () => reply.promise,
  );
  hub.received(events.lifecycle.proc, lifecycle(7, 2));
  expect(seen).toEqual([]);
  reply.resolve(7);
  await registered;
  hub.received(events.lifecycle.proc, lifecycle(7, 5));
  expect(seen).toEqual([2, 5]);
});

test('of early events with texts of megabytes, the newest few are kept', async () => {
  const hub = new EventHub();
  const seen: number[] = [];
  const reply = Promise.withResolvers<number>();
  const registered = hub.register(
    'lifecycle',
    ({ event }) => seen.push(event),
    () => reply.promise,
  );
  const large = (event: number): Buffer => {
    const writer = new XdrWriter();
    writer.int(7);
    const domain = { ...testDomain, name: 'x'.repeat(1_000_000) };
    (events.lifecycle.payload as Codec<unknown>).write(writer, { domain, event, detail: 0 });
    return writer.finish();
  };
  for (let event = 0; event < 20; event++) hub.received(events.lifecycle.proc, large(event));
  reply.resolve(7);
  await registered;
  expect(seen).toEqual([16, 17, 18, 19]);
});

test('events without a listener, for other listeners and of unknown kinds are not delivered', async () => {
  const hub = new EventHub();
  const seen: number[] = [];
  await hub.register(
    'lifecycle',
    ({ event }) => seen.push(event),
    async () => 1,
  );
  hub.received(events.lifecycle.proc, lifecycle(2, 2));
  hub.received(999, Buffer.alloc(4));
  hub.forget('lifecycle', 1);
  hub.received(events.lifecycle.proc, lifecycle(1, 2));
  expect(seen).toEqual([]);
});

test('an event of a pool that has the callback id of one of domains is not taken for it, early or late', async () => {
  const hub = new EventHub();
  const seen: string[] = [];
  const refresh = (callbackId: number): Buffer => {
    const writer = new XdrWriter();
    writer.int(callbackId);
    (events.poolRefresh.payload as Codec<unknown>).write(writer, {
      pool: { name: 'images', uuid: testDomain.uuid },
    });
    return writer.finish();
  };
  const reply = Promise.withResolvers<number>();
  const registered = Promise.all([
    hub.register(
      'lifecycle',
      ({ domain }) => seen.push(domain.name),
      () => reply.promise,
    ),
    hub.register(
      'poolRefresh',
      ({ pool }) => seen.push(pool.name),
      () => reply.promise,
    ),
  ]);
  const both = (): void => {
    hub.received(events.lifecycle.proc, lifecycle(0, 2));
    hub.received(events.poolRefresh.proc, refresh(0));
  };
  both();
  reply.resolve(0);
  await registered;
  expect(seen.splice(0).toSorted()).toEqual(['images', testDomain.name].toSorted());
  both();
  expect(seen.splice(0)).toEqual([testDomain.name, 'images']);
  hub.forget('lifecycle', 0);
  both();
  expect(seen).toEqual(['images']);
});

test('an event cut short is a broken frame', async () => {
  const hub = new EventHub();
  const whole = lifecycle(1, 2);
  for (let length = 0; length < whole.length; length++) {
    expect(() => hub.received(events.lifecycle.proc, whole.subarray(0, length))).toThrow(ProtocolError);
  }
});
