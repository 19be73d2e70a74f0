import { expect, test } from 'vitest';
import {
  DomainState,
  LifecycleEvent,
  PausedReason,
  ShutoffReason,
  StoppedDetail,
  SuspendedDetail,
} from '../../libvirt/constants.ts';
import { Crashes } from '../../sampler/crashes.ts';
import type { DomainSample } from '../../sampler/host-sample.ts';
import { fakeEvents } from './fake-connection.ts';

const DAY_MS = 86_400_000;

/** Off for a reason of libvirt's, or in the named state; `copy` is the stopped copy of a migration. */
type Run = 'running' | 'copy' | 'crashed' | 'late' | number;
type Row = readonly [name: string, run: Run, uuid?: string];

const STATES = {
  running: [DomainState.running, 1],
  copy: [DomainState.paused, PausedReason.migration],
  crashed: [DomainState.crashed, 1],
  late: [undefined, undefined],
} as const;

/** VMs as in a sample. */
function listed(rows: readonly Row[]): DomainSample[] {
  return rows.map(([name, run, uuid = name]) => {
    const [state, reason] = typeof run === 'number' ? [DomainState.shutoff, run] : STATES[run];
    const id = typeof run === 'number' ? -1 : 1;
    return { domain: { name, uuid, id }, summary: { uuid, state, reason } } as unknown as DomainSample;
  });
}

function setUp() {
  let nowMs = 1_000;
  const { control, emit } = fakeEvents();
  const crashes = new Crashes(() => nowMs);
  crashes.watch(control);
  return {
    names: () => crashes.all.map(({ name }) => name),
    crashes,
    at: (ms: number) => {
      nowMs = ms;
    },
    list: (...rows: Row[]) => crashes.update(listed(rows), nowMs),
    listSince: (sinceMs: number, ...rows: Row[]) => crashes.update(listed(rows), sinceMs),
    event: (name: string, event: number, detail = 0) =>
      emit('lifecycle', { domain: { name, uuid: name, id: -1 }, event, detail }),
  };
}

test('a transient VM that crashes is known after libvirt has forgotten it, for a day', () => {
  const { list, event, crashes, at, names } = setUp();
  list(['db', 'running']);
  at(5_000);
  event('db', LifecycleEvent.stopped, StoppedDetail.failed);
  at(6_000);
  list();
  expect(crashes.all).toEqual([{ uuid: 'db', name: 'db', atMs: 5_000 }]);
  at(5_000 + DAY_MS);
  list();
  expect(names()).toEqual(['db']);
  at(5_001 + DAY_MS);
  list();
  expect(names()).toEqual([]);
});

test('also one that starts and crashes between two samples', () => {
  const { event, names } = setUp();
  event('db', LifecycleEvent.started);
  event('db', LifecycleEvent.stopped, StoppedDetail.crashed);
  expect(names()).toEqual(['db']);
});

test.each([
  ['shut down', 0],
  ['destroyed', 1],
  ['migrated away', 3],
  ['saved', 4],
])('a VM that was %s has not crashed', (_, detail) => {
  const { list, event, names } = setUp();
  list(['db', 'running']);
  event('db', LifecycleEvent.stopped, detail);
  list();
  expect(names()).toEqual([]);
});

test('an incoming migration that fails is not a crash, seen in a sample or by its events alone', () => {
  const { list, event, names } = setUp();
  list(['db', 'copy']);
  event('db', LifecycleEvent.stopped, StoppedDetail.failed);
  event('web', LifecycleEvent.started, 1);
  event('web', LifecycleEvent.suspended, SuspendedDetail.migrated);
  event('web', LifecycleEvent.stopped, StoppedDetail.failed);
  event('post', LifecycleEvent.started);
  event('post', LifecycleEvent.suspended, SuspendedDetail.postCopy);
  event('post', LifecycleEvent.stopped, StoppedDetail.failed);
  expect(names()).toEqual([]);
});

test('a VM that arrives, runs and then dies has crashed; a pause for another reason does not matter', () => {
  const { event, names } = setUp();
  event('db', LifecycleEvent.started, 1);
  event('db', LifecycleEvent.suspended, SuspendedDetail.migrated);
  event('db', LifecycleEvent.resumed);
  event('db', LifecycleEvent.suspended, 2);
  event('db', LifecycleEvent.stopped, StoppedDetail.failed);
  expect(names()).toEqual(['db']);
});

test('a VM that was crashed before virtune came counts from when it is first seen', () => {
  const { list, crashes, at } = setUp();
  list(
    ['a', ShutoffReason.crashed],
    ['b', 'crashed'],
    ['c', ShutoffReason.daemon],
    ['d', ShutoffReason.shutdown],
  );
  at(9_000);
  list(
    ['a', ShutoffReason.crashed],
    ['b', 'crashed'],
    ['c', ShutoffReason.daemon],
    ['d', ShutoffReason.shutdown],
  );
  expect(crashes.all).toEqual(['a', 'b', 'c'].map((name) => ({ uuid: name, name, atMs: 1_000 })));
});

test('a VM that runs again is not crashed, nor one that is off for another reason or was undefined', () => {
  const { list, event, names, at } = setUp();
  const all = ['a', 'b', 'c'] as const;
  list(...all.map((name) => [name, ShutoffReason.crashed] as const));
  expect(names()).toEqual(['a', 'b', 'c']);
  at(2_000);
  event('c', LifecycleEvent.undefined);
  list(['a', 'running'], ['b', ShutoffReason.shutdown]);
  expect(names()).toEqual([]);
});

test('a transient VM that was created again under its name is back', () => {
  const { list, event, names, at } = setUp();
  list(['db', 'running', 'db']);
  event('db', LifecycleEvent.stopped, StoppedDetail.failed);
  at(2_000);
  list(['db', 'running', 'another-uuid']);
  expect(names()).toEqual([]);
});

test('a sample that began before the crash does not undo it, nor does one in which the VM did not answer', () => {
  const { list, event, names, at, listSince } = setUp();
  list(['db', 'running']);
  at(5_000);
  event('db', LifecycleEvent.stopped, StoppedDetail.failed);
  listSince(4_999, ['db', 'running']);
  expect(names()).toEqual(['db']);
  at(6_000);
  list(['db', 'late']);
  expect(names()).toEqual(['db']);
});

test('events of VMs without an end are not remembered without an end', () => {
  const { event, list, names } = setUp();
  for (let index = 0; index < 100_000; index++) event(`vm-${index}`, LifecycleEvent.started);
  // Remembered ones would now count as crashes, up to the hundred that are kept; the last one was not remembered.
  event('vm-99999', LifecycleEvent.stopped, StoppedDetail.crashed);
  expect(names()).toEqual([]);
  event('vm-1', LifecycleEvent.stopped, StoppedDetail.crashed);
  expect(names()).toEqual(['vm-1']);
  list();
  event('vm-99999', LifecycleEvent.started);
  event('vm-99999', LifecycleEvent.stopped, StoppedDetail.crashed);
  expect(names()).toContain('vm-99999');
});

test('a hundred crashes are kept, the newest', () => {
  const { event, names } = setUp();
  for (let index = 0; index < 101; index++) {
    event(`vm${index}`, LifecycleEvent.started);
    event(`vm${index}`, LifecycleEvent.stopped, StoppedDetail.crashed);
  }
  expect(names()).toHaveLength(100);
  expect(names()[0]).toBe('vm1');
});
