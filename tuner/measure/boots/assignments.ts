import { mean, sum } from '../moments.ts';
import { type Outcomes, Reassignments } from '../reassignments.ts';
import type { Arm } from '../schedule.ts';

/** One boot on the scale on which effects are additive. */
export interface BootValue {
  readonly arm: Arm;
  readonly value: number;
}

/**
 * The permutation test of boots: over all choices of as many boots as had the settings. If the effect is theta, the
 * boots with the settings minus theta are like the others, so the difference of means under each choice is known.
 */
export class BootAssignments extends Reassignments {
  /** @param boots with at least one of each arm. */
  constructor(boots: readonly BootValue[]) {
    super(outcomesOf(boots));
  }
}

/** Mean with the settings minus mean without them. */
export function difference(boots: readonly BootValue[]): number {
  const of = (arm: Arm): number[] => boots.filter((boot) => boot.arm === arm).map(({ value }) => value);
  return mean(of('on')) - mean(of('off'));
}

function outcomesOf(boots: readonly BootValue[]): Outcomes {
  const count = boots.filter(({ arm }) => arm === 'on').length;
  const rest = boots.length - count;
  const total = sum(boots.map(({ value }) => value));
  const happened = difference(boots);
  const [a, b]: [number[], number[]] = [[], []];
  const choose = (from: number, left: number, chosen: number, both: number): void => {
    if (left === 0) {
      a.push(happened - (chosen / count - (total - chosen) / rest));
      b.push(1 - (both / count - (count - both) / rest));
      return;
    }
    for (let boot = from; boot <= boots.length - left; boot++) {
      const { arm, value } = boots[boot] as BootValue;
      choose(boot + 1, left - 1, chosen + value, both + (arm === 'on' ? 1 : 0));
    }
  };
  choose(0, count, 0, 0);
  return {
    a: Float64Array.from(a),
    b: Float64Array.from(b),
    scaleA: sum(boots.map(({ value }) => Math.abs(value))),
    scaleB: boots.length,
  };
}
