import { expect, test } from 'vitest';
import { AutostartOnce } from '../../sampler/autostart-once.ts';

const LIBVIRT = 12_009_000;
const domains = Array.from({ length: 100 }, (_, n) => ({ name: `vm${n}`, uuid: `uuid-${n}`, id: -1 }));
const [one] = domains as [(typeof domains)[number]];

function withClock(): { once: AutostartOnce; at: (ms: number) => void } {
  let nowMs = 0;
  const once = new AutostartOnce(() => nowMs);
  return {
    once,
    at: (ms) => {
      nowMs = ms;
    },
  };
}

test('every domain is asked in the first tick; then 64 per tick at most, those with the oldest answers first', () => {
  const { once, at } = withClock();
  const asked: string[][] = [];
  for (const ms of [0, 30_000, 60_000, 75_000, 90_000]) {
    at(ms);
    once.startTick(domains, LIBVIRT);
    const due = domains.filter((domain) => once.isDue(domain));
    for (const domain of due) once.record(domain, false);
    asked.push(due.map(({ name }) => name));
  }
  expect(asked.map((names) => names.length)).toEqual([100, 0, 64, 36, 0]);
  expect(new Set([...(asked[2] ?? []), ...(asked[3] ?? [])]).size).toBe(100);
});

test('a domain whose call fails is asked again in the next tick, and its last answer stands for 5 minutes', () => {
  const { once, at } = withClock();
  once.startTick([one], LIBVIRT);
  once.record(one, true);
  expect(once.isDue(one)).toBe(false);
  for (const ms of [60_000, 75_000, 360_000, 360_001]) {
    at(ms);
    once.startTick([one], LIBVIRT);
    expect(once.isDue(one)).toBe(true);
    once.record(one, undefined);
    expect([ms, once.of(one)]).toEqual([ms, ms <= 360_000 ? true : undefined]);
  }
});

test('one failed call does not end an answer that waited long for its turn', () => {
  const { once, at } = withClock();
  once.startTick([one], LIBVIRT);
  once.record(one, true);
  at(900_000);
  once.startTick([one], LIBVIRT);
  once.record(one, undefined);
  expect(once.of(one)).toBe(true);
});

test('a libvirt that is older than 11.2, or not known yet, is not asked, and has no answers', () => {
  const { once } = withClock();
  for (const version of [undefined, 11_001_000]) {
    once.startTick([one], 11_002_000);
    expect(once.isDue(one)).toBe(true);
    once.record(one, true);
    once.startTick([one], version);
    expect([once.isDue(one), once.of(one)]).toEqual([false, undefined]);
  }
});

test('after a new connection, and once a domain is gone, no answer stands', () => {
  const { once } = withClock();
  once.startTick([one], LIBVIRT);
  once.record(one, true);
  once.startTick([], LIBVIRT);
  expect(once.of(one)).toBeUndefined();
  once.startTick([one], LIBVIRT);
  once.record(one, true);
  once.forget();
  expect(once.of(one)).toBeUndefined();
});
