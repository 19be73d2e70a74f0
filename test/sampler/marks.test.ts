import { expect, test } from 'vitest';
import type { ManagedConnection } from '../../libvirt/client/managed.ts';
import { ListFlag } from '../../libvirt/constants.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { Background } from '../../sampler/background-read.ts';
import { Marks } from '../../sampler/marks.ts';
import { DOMAIN, fakeConnection, settled } from './fake-connection.ts';

const LISTS = 4;
const NEW: Domain = { name: 'new', uuid: '00000000-0000-4000-8000-00000000abcd', id: 7 };

/** A host with a clock, and a list of domains for each flag of the call. */
function rig() {
  const state = { nowMs: 0, persistent: [] as Domain[], autostart: [DOMAIN] };
  const { ask, asked } = fakeConnection({
    connectListAllDomains: ({ flags }) => {
      if (flags === ListFlag.persistent) return { domains: state.persistent, count: 0 };
      return { domains: flags === ListFlag.autostart ? state.autostart : [], count: 0 };
    },
  });
  const background = new Background();
  const marks = new Marks({ ask, background, steadyMs: () => state.nowMs, onAnswer: () => undefined });
  const read = async (...domains: Domain[]): Promise<void> => {
    marks.startTick(domains);
    await settled(background);
  };
  return { state, marks, asked, read };
}

test('marks are read with one list each, and again after half a minute', async () => {
  const { state, marks, asked, read } = rig();
  await read(DOMAIN);
  expect(marks.of(DOMAIN)).toEqual({
    persistent: false,
    autostart: true,
    managedSave: false,
    hasSnapshot: false,
  });
  state.nowMs = 29_999;
  await read(DOMAIN);
  expect(asked).toHaveLength(LISTS);
  state.nowMs = 30_000;
  await read(DOMAIN);
  expect(asked).toHaveLength(2 * LISTS);
});

test('a domain that came after the lists has no marks instead of false ones, and is asked for in its first tick', async () => {
  const { state, marks, asked, read } = rig();
  await read(DOMAIN);
  expect(marks.of(NEW)).toBeUndefined();
  state.persistent = [NEW];
  await read(DOMAIN, NEW);
  expect(asked).toHaveLength(2 * LISTS);
  expect(marks.of(NEW)?.persistent).toBe(true);
});

test('what happens to a domain has its marks read again, the earlier ones stand until then', async () => {
  const { state, marks, asked, read } = rig();
  const listeners: (() => void)[] = [];
  const control = { on: (_name: string, listener: () => void) => listeners.push(listener) };
  marks.watch(control as unknown as ManagedConnection);
  await read(DOMAIN);
  state.autostart = [];
  for (const listener of listeners) listener();
  expect(marks.of(DOMAIN)?.autostart).toBe(true);
  await read(DOMAIN);
  expect(marks.of(DOMAIN)?.autostart).toBe(false);
  await read(DOMAIN);
  expect(asked).toHaveLength(2 * LISTS);
});
