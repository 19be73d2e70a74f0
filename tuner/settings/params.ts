import { ParamType } from '../../libvirt/typed-params.ts';
import type { StepParam } from '../steps/step.ts';

type WholeType = 'int' | 'uint' | 'llong' | 'ullong';

/** A typed parameter with a whole number, as text, since JSON numbers cannot hold 64 bits. */
export function wholeParam(field: string, type: WholeType, value: string): StepParam {
  return { field, type: ParamType[type], value };
}

export function stringParam(field: string, value: string): StepParam {
  return { field, type: ParamType.string, value };
}
