import { expect, test } from 'vitest';
import type { DomainPlan } from '../../../tuner/plan/plan.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { Pauses } from '../../../tuner/watch/pauses.ts';

/** A domain that has lost its emulator pin. */
function lost(uuid: string, { run = 3, pin = '1' } = {}): DomainPlan {
  const domain = { uuid, name: uuid, id: run };
  const step: Step = { kind: 'emulatorPin', domain, to: pin };
  return {
    state: { domain },
    rows: [{ verdict: { kind: 'live', steps: [step] }, nextHolds: true }],
  } as unknown as DomainPlan;
}

function pausing() {
  const clock = { nowMs: 1_000_000 };
  const pauses = new Pauses({ firstMs: 2_000, mostMs: 300_000, nowMs: () => clock.nowMs });
  /** When the domain is tried within this many seconds, with an event each second. */
  const triedAt = (domain: DomainPlan, seconds: number): number[] => {
    const at: number[] = [];
    for (let second = 0; second <= seconds; second++, clock.nowMs += 1_000) {
      if (pauses.due([domain]).length === 0) continue;
      pauses.tried(domain);
      at.push(second);
    }
    return at;
  };
  return { clock, pauses, triedAt };
}

test('a VM that cannot be restored is tried after pauses that double up to the interval, whatever events come', () => {
  const { triedAt } = pausing();
  expect(triedAt(lost('db'), 1_200)).toEqual([0, 2, 6, 14, 30, 62, 126, 254, 510, 810, 1_110]);
});

test('another run of the VM, or other settings that it has lost, are restored at once', () => {
  const { pauses, triedAt } = pausing();
  triedAt(lost('db'), 20);
  expect(pauses.due([lost('db')])).toEqual([]);
  expect(pauses.due([lost('db', { run: 4 })])).toHaveLength(1);
  expect(pauses.due([lost('db', { pin: '2' })])).toHaveLength(1);
  expect(pauses.due([lost('web')])).toHaveLength(1);
});

test('after a long time without a loss the pauses begin again', () => {
  const { clock, triedAt } = pausing();
  triedAt(lost('db'), 20);
  clock.nowMs += 1_300_000;
  expect(triedAt(lost('db'), 10)).toEqual([0, 2, 6]);
});

test('VMs that were tried least come first, and the next time is that of the first one due', () => {
  const { clock, pauses } = pausing();
  const [bad, good] = [lost('bad'), lost('good')];
  for (const pauseMs of [2_000, 4_000]) {
    pauses.tried(bad);
    clock.nowMs += pauseMs;
  }
  expect(pauses.due([bad, good])).toEqual([good, bad]);
  pauses.tried(bad);
  pauses.tried(good);
  expect(pauses.nextMs([bad])).toBe(8_000);
  expect(pauses.nextMs([bad, good])).toBe(2_000);
  expect(pauses.nextMs([])).toBeUndefined();
  clock.nowMs += 60_000;
  expect(pauses.nextMs([bad])).toBe(0);
});
