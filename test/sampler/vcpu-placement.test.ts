import { expect, test } from 'vitest';
import { VcpuPlacement } from '../../sampler/vcpu-placement.ts';

const domain = (name: string, id = 1) => ({ name, uuid: name, id });
const reply = (...cpus: number[]) => ({
  info: cpus.map((cpu, number) => ({ number, state: 1, cpuTimeNs: 0, cpu })),
  maps: Buffer.alloc(0),
});

test('of more domains than a tick may ask, each has its turn, and keeps its figures until the next', () => {
  const places = new VcpuPlacement(2);
  const domains = ['a', 'b', 'c', 'd', 'e'].map((name) => domain(name));
  const asked: string[][] = [];
  for (let tick = 0; tick < 5; tick++) {
    places.startTick(domains);
    const due = domains.filter((each) => places.isDue(each));
    for (const each of due) places.record(each, reply(tick));
    asked.push(due.map((each) => each.name));
  }
  expect(asked.map((each) => each.length)).toEqual([2, 2, 2, 2, 2]);
  expect(new Set(asked.slice(0, 3).flat())).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
  expect(domains.map((each) => places.of(each)?.length)).toEqual([1, 1, 1, 1, 1]);
});

test('a domain that has answered in this tick is not asked again, and a stopped domain is never asked', () => {
  const places = new VcpuPlacement();
  const [running, stopped] = [domain('a'), domain('b', -1)];
  places.startTick([running, stopped]);
  expect([running, stopped].map((each) => places.isDue(each))).toEqual([true, false]);
  places.record(running, reply(4, 5));
  expect(places.isDue(running)).toBe(false);
  expect(places.of(running)).toEqual([
    { vcpu: 0, cpu: 4 },
    { vcpu: 1, cpu: 5 },
  ]);
});

test('a restarted domain runs elsewhere: the figures of the run before are forgotten', () => {
  const places = new VcpuPlacement();
  places.startTick([domain('a', 1)]);
  places.record(domain('a', 1), reply(4));
  expect(places.of(domain('a', 2))).toBeUndefined();
  places.startTick([domain('b')]);
  expect(places.of(domain('a', 1))).toBeUndefined();
});
