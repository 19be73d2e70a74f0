import { expect, test } from 'vitest';
import type { Advice, Remedy } from '../../advice/advice.ts';
import { withoutRefused } from '../../advice/engine.ts';
import { MemoryBudget } from '../../advice/memory-budget.ts';
import type { HostSample } from '../../sampler/host-sample.ts';

const GIB_KIB = 1_048_576;

const remedy = (change: string, profile?: string): Remedy => ({
  change,
  steps: [{ argv: ['true'] }],
  cost: 'none',
  payers: [],
  gain: 'unknown',
  risk: 'none',
  effect: 'next boot',
  profile: profile === undefined ? undefined : { name: profile, vms: [{ uuid: 'u', name: 'db' }] },
});

const advice = (...remedies: readonly Remedy[]): Advice => ({
  kind: 'numa-split',
  id: 'numa-split:u',
  severity: 'warn',
  title: 'pins across cells',
  victims: [],
  evidence: [],
  cause: 'pins',
  culprits: [],
  remedies,
  harm: 0,
});

test('a refused profile keeps no command and says why; other changes stay as they are', async () => {
  const [first, second] = [remedy('plan the profile balanced for it', 'balanced'), remedy('pin it')];
  const third = remedy('plan the profile network for it', 'network');
  const [checked] = await withoutRefused([advice(first, second, third)], ({ name }) =>
    Promise.resolve(name === 'balanced' ? 'no CPU is left' : undefined),
  );
  expect(checked?.remedies).toEqual([
    {
      ...first,
      steps: [],
      change: 'plan the profile balanced for it; not possible now: no CPU is left',
      effect: 'nothing changes',
    },
    second,
    third,
  ]);
});

const budget = (memoryKiB: Readonly<Record<string, number>> | undefined): MemoryBudget =>
  new MemoryBudget({
    host: memoryKiB && { memoryKiB: new Map(Object.entries(memoryKiB)) },
  } as unknown as HostSample);

test('of 1.9 GiB free on a small host, 0.9 GiB is given away, whatever each of 8 guests asks for', () => {
  const left = budget({ total: 16 * GIB_KIB, free: 1.9 * GIB_KIB });
  expect(left.leftKiB).toBeCloseTo(0.9 * GIB_KIB);
  expect(Array.from({ length: 8 }, () => left.take(0.25 * GIB_KIB))).toEqual([
    true,
    true,
    true,
    ...Array.from({ length: 5 }, () => false),
  ]);
  expect(left.leftKiB).toBeCloseTo(0.15 * GIB_KIB);
});

test('a host with 64 GiB keeps a twentieth, so of 1.9 GiB free nothing is given away', () => {
  expect(budget({ total: 64 * GIB_KIB, free: 1.9 * GIB_KIB }).take(1)).toBe(false);
});

test('a host that does not report its memory gives nothing away', () => {
  expect(budget(undefined).freeKiB).toBeUndefined();
  expect(budget(undefined).take(1)).toBe(false);
});
