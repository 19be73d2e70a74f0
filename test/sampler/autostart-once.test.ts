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

test('of many domains those that were asked longest ago are asked first, and no more than 64 per tick', () => {
  const { once, at } = withClock();
  const asked: string[][] = [];
  for (const ms of [0, 15_000, 30_000, 60_000]) {
    at(ms);
    once.startTick(domains, LIBVIRT);
    const due = domains.filter((domain) => once.isDue(domain));
    for (const domain of due) once.record(domain, false);
    asked.push(due.map(({ name }) => name));
  }
  expect(asked.map((names) => names.length)).toEqual([64, 36, 0, 64]);
  expect(new Set([...(asked[0] ?? []), ...(asked[1] ?? [])]).size).toBe(100);
  expect(asked[3]).toEqual(asked[0]);
});

test('a domain whose call fails is asked again in a minute, and its last answer stands for 5 minutes', () => {
  const { once, at } = withClock();
  once.startTick([one], LIBVIRT);
  once.record(one, true);
  expect(once.isDue(one)).toBe(false);
  at(60_000);
  once.startTick([one], LIBVIRT);
  expect(once.isDue(one)).toBe(true);
  once.record(one, undefined);
  at(300_000);
  once.record(one, undefined);
  expect(once.of(one)).toBe(true);
  at(300_001);
  once.record(one, undefined);
  expect(once.of(one)).toBeUndefined();
});

test('an answer stands until the next turn of its domain, however many others come first', () => {
  const { once, at } = withClock();
  once.startTick([one], LIBVIRT);
  once.record(one, true);
  at(600_000);
  expect(once.of(one)).toBe(true);
});

test('a libvirt that is older than 11.2, or not known yet, is not asked', () => {
  const { once } = withClock();
  once.startTick([one], 11_002_000);
  expect(once.isDue(one)).toBe(true);
  for (const version of [undefined, 11_001_000]) {
    once.startTick([one], version);
    expect(once.isDue(one)).toBe(false);
  }
});

test('a domain that is gone is forgotten', () => {
  const { once } = withClock();
  once.startTick([one], LIBVIRT);
  once.record(one, true);
  once.startTick([], LIBVIRT);
  expect(once.of(one)).toBeUndefined();
});
