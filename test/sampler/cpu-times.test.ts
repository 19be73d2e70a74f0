import { expect, test } from 'vitest';
import { CpuTimes } from '../../sampler/host/cpu-times.ts';
import { parseProcStat } from '../../sampler/host/proc.ts';

const S = 1e9;
/** Lines of /proc/stat with user, nice, system, idle and iowait, in seconds. */
const stat = (lines: Readonly<Record<string, readonly number[]>>) =>
  parseProcStat(
    Object.entries(lines)
      .map(([name, seconds]) => `${name} ${seconds.map((each) => each * 100).join(' ')}\n`)
      .join(''),
  );

test('idle and iowait that decrease by a moment keep their value until they have it again', () => {
  const times = new CpuTimes();
  const iowait = (seconds: number) =>
    times.next(stat({ cpu: [0, 0, 0, 0, seconds], cpu0: [0, 0, 0, 0, seconds] }));
  const seen = [100, 99.5, 99.9, 100.2].map((seconds) => {
    const { totalNs, byCpu } = iowait(seconds);
    return [totalNs.get('iowait'), byCpu.get(0)?.get('iowait')].map((ns) => (ns ?? 0) / S);
  });
  expect(seen).toEqual([
    [100, 100],
    [100, 100],
    [100, 100],
    [100.2, 100.2],
  ]);
});

test('a CPU that goes offline is not listed, and its cell keeps what it had; online again, it goes on from there', () => {
  const times = new CpuTimes();
  const both = { cpu0: [10], cpu1: [90] };
  const user = () => (times.sumOf([0, 1]).get('user') ?? 0) / S;
  times.next(stat(both));
  expect(user()).toBe(100);
  expect(times.next(stat({ cpu0: [11] })).byCpu.size).toBe(1);
  expect(user()).toBe(101);
  // The kernel continued counting, or started again at 0.
  times.next(stat({ cpu0: [11], cpu1: [91] }));
  expect(user()).toBe(102);
  times.next(stat({ cpu0: [11], cpu1: [2] }));
  expect(user()).toBe(104);
});

test('a CPU that comes online and counts from 0 takes nothing from the sum of all, and adds nothing to it', () => {
  const times = new CpuTimes();
  const idle = (lines: Readonly<Record<string, number>>) =>
    (times
      .next(
        stat(Object.fromEntries(Object.entries(lines).map(([name, seconds]) => [name, [0, 0, 0, seconds]]))),
      )
      .totalNs.get('idle') ?? 0) / S;
  // 20 of 120 belong to a CPU that is offline.
  expect(idle({ cpu: 120, cpu0: 10, cpu1: 90 })).toBe(120);
  expect(idle({ cpu: 33, cpu0: 11, cpu1: 2 })).toBe(123);
  expect(idle({ cpu: 36, cpu0: 13, cpu1: 3 })).toBe(126);
  // It comes online with its earlier count.
  expect(idle({ cpu: 36, cpu0: 13, cpu1: 3, cpu2: 20 })).toBe(126);
  expect(idle({ cpu: 40, cpu0: 14, cpu1: 4, cpu2: 22 })).toBe(130);
  const cell = [0, 1, 2].map((cpu) => (times.sumOf([cpu]).get('idle') ?? 0) / S);
  expect(cell).toEqual([14, 94, 2]);
});

test('without a line for each CPU, that of all counts', () => {
  const times = new CpuTimes();
  const user = (seconds: number) => (times.next(stat({ cpu: [seconds] })).totalNs.get('user') ?? 0) / S;
  expect([user(5), user(9)]).toEqual([5, 9]);
});
