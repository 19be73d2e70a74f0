import type { Step, StepParam } from '../steps/step.ts';

/**
 * Merges steps that set parameters of the same object. libvirt validates a call's parameters together with the present
 * values, so a valid whole need not be valid half way: a limit above the previous burst, a period that the old quota
 * does not fit into. For each parameter, the last step wins.
 */
export function together(steps: readonly Step[]): Step[] {
  const merged: Step[] = [];
  const places = new Map<string, number>();
  for (const step of steps) {
    const key = keyOf(step);
    const place = key === undefined ? undefined : places.get(key);
    const before = place === undefined ? undefined : merged[place];
    if (place !== undefined && before !== undefined) {
      merged[place] = { ...step, to: union(paramsOf(before), paramsOf(step)) } as Step;
      continue;
    }
    if (key !== undefined) places.set(key, merged.length);
    merged.push(step);
  }
  return merged;
}

function keyOf(step: Step): string | undefined {
  if (!Array.isArray(step.to)) return undefined;
  const { to: _, ...of } = step;
  return JSON.stringify(of);
}

const paramsOf = ({ to }: Step): readonly StepParam[] => (Array.isArray(to) ? to : []);

function union(before: readonly StepParam[], after: readonly StepParam[]): StepParam[] {
  const said = new Map(before.map((param) => [param.field, param]));
  for (const param of after) said.set(param.field, param);
  return [...said.values()];
}
