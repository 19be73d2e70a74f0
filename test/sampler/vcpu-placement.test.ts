import { expect, test } from 'vitest';
import { VcpuPlacement } from '../../sampler/vcpu-placement.ts';

const domain = (name: string, id = 1) => ({ name, uuid: name, id });
const reply = (...cpus: number[]) => ({
  info: cpus.map((cpu, number) => ({ number, state: 1, cpuTimeNs: 0, cpu })),
  maps: Buffer.alloc(0),
});

test('of more domains than a tick may ask, each has its turn, and keeps its figures until the next', () => {
  const placement = new VcpuPlacement(2);
  const domains = ['a', 'b', 'c', 'd', 'e'].map((name) => domain(name));
  const asked: string[][] = [];
  for (let tick = 0; tick < 5; tick++) {
    placement.startTick(domains);
    const due = domains.filter((each) => placement.isDue(each));
    for (const each of due) placement.record(each, reply(tick));
    asked.push(due.map((each) => each.name));
  }
  expect(asked.map((each) => each.length)).toEqual([2, 2, 2, 2, 2]);
  expect(new Set(asked.slice(0, 3).flat())).toEqual(new Set(['a', 'b', 'c', 'd', 'e']));
  expect(domains.map((each) => placement.of(each)?.length)).toEqual([1, 1, 1, 1, 1]);
});

test('a domain that has answered in this tick is not asked again, and a stopped domain is never asked', () => {
  const placement = new VcpuPlacement();
  const [running, stopped] = [domain('a'), domain('b', -1)];
  placement.startTick([running, stopped]);
  expect([running, stopped].map((each) => placement.isDue(each))).toEqual([true, false]);
  placement.record(running, reply(4, 5));
  expect(placement.isDue(running)).toBe(false);
  expect(placement.of(running)).toEqual([
    { vcpu: 0, cpu: 4 },
    { vcpu: 1, cpu: 5 },
  ]);
});

test('a restarted domain runs elsewhere: the figures of the run before are forgotten', () => {
  const placement = new VcpuPlacement();
  placement.startTick([domain('a', 1)]);
  placement.record(domain('a', 1), reply(4));
  expect(placement.of(domain('a', 2))).toBeUndefined();
  placement.startTick([domain('b')]);
  expect(placement.of(domain('a', 1))).toBeUndefined();
});
