import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cpusShort,
  meanCpusShort,
  readyVariance,
  worstContention,
} from '../../../advice/fleet/contention.ts';
import { SLOTS } from '../../../advice/fleet/fleet.ts';
import { seededRandom } from '../../../simulator/random.ts';

test('demand far below the CPUs waits for nothing, and demand far above them by the excess', () => {
  expect(cpusShort(16, 4, 4)).toBeLessThan(1e-6);
  expect(cpusShort(16, 40, 4)).toBeCloseTo(24, 6);
  expect(cpusShort(16, 20, 0)).toBe(4);
  expect(cpusShort(16, 10, 0)).toBe(0);
});

test('at full use on average, 0.4 standard deviations are short', () => {
  // For a standard normal X, E[max(0, X)] is 1 / sqrt(2 pi).
  expect(cpusShort(16, 16, 9)).toBeCloseTo(3 / Math.sqrt(2 * Math.PI), 6);
});

test('the estimate is close to what is drawn, vCPU by vCPU', () => {
  const random = seededRandom(7);
  for (const [vcpus, share, cpus] of [
    [100, 0.3, 32],
    [60, 0.5, 32],
    [200, 0.15, 32],
  ] as const) {
    let short = 0;
    const draws = 20_000;
    for (let draw = 0; draw < draws; draw++) {
      let ready = 0;
      for (let vcpu = 0; vcpu < vcpus; vcpu++) if (random() < share) ready++;
      short += Math.max(0, ready - cpus);
    }
    const estimate = cpusShort(cpus, vcpus * share, readyVariance(vcpus * share, vcpus, 0));
    expect(Math.abs(estimate - short / draws)).toBeLessThan(0.06);
  }
});

test('more demand, more variance or fewer CPUs never shorten the wait', () => {
  const cpus = fc.double({ min: 0, max: 128, noNaN: true });
  const small = fc.double({ min: 0, max: 16, noNaN: true });
  fc.assert(
    fc.property(cpus, cpus, cpus, small, (of, mean, variance, more) => {
      const short = cpusShort(of, mean, variance);
      expect(short).toBeGreaterThanOrEqual(0);
      expect(short).toBeLessThanOrEqual(mean + Math.sqrt(variance) + 1e-9);
      expect(cpusShort(of, mean + more, variance)).toBeGreaterThanOrEqual(short - 1e-5);
      expect(cpusShort(of, mean, variance + more)).toBeGreaterThanOrEqual(short - 1e-5);
      expect(cpusShort(of + more, mean, variance)).toBeLessThanOrEqual(short + 1e-5);
    }),
  );
});

test('the worst hour decides contention, and all hours the time that VMs wait', () => {
  const meanCpus = new Float64Array(SLOTS).fill(8);
  meanCpus[14] = 20;
  const demand = { meanCpus, variance: new Float64Array(SLOTS) };
  expect(worstContention(16, demand)).toEqual({ share: 0.2, slot: 14 });
  expect(meanCpusShort(16, demand)).toBeCloseTo(4 / 24, 6);
  const idle = { meanCpus: new Float64Array(SLOTS), variance: new Float64Array(SLOTS) };
  expect(worstContention(16, idle)).toEqual({ share: 0, slot: 0 });
});
