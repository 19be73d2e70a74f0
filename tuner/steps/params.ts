import { z } from 'zod';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { TunerError } from '../errors.ts';
import type { StepParam } from './step.ts';

const WIDE: readonly ParamType[] = [ParamType.llong, ParamType.ullong];

const stepParam = z.object({
  field: z.string(),
  type: z.union(Object.values(ParamType).map((type) => z.literal(type))),
  value: z.union([z.string(), z.number(), z.boolean()]),
}) satisfies z.ZodType<StepParam>;

export const stepParams = z.array(stepParam).readonly();

/** Wire form: 64-bit numbers exact. */
export function toTyped({ field, type, value }: StepParam): TypedParam {
  if (WIDE.includes(type)) return { field, type, value: BigInt(value) };
  const narrow = type === ParamType.int || type === ParamType.uint || type === ParamType.double;
  return { field, type, value: narrow ? Number(value) : value };
}

/** Journal form: numbers as text. */
export function fromTyped({ field, type, value }: TypedParam): StepParam {
  return { field, type, value: typeof value === 'boolean' ? value : String(value) };
}

/** The parameters that a step sets; its undo leaves the others unchanged. */
export function pick(all: readonly StepParam[], wanted: readonly StepParam[], of: string): StepParam[] {
  return wanted.map(({ field }) => {
    const found = all.find((param) => param.field === field);
    if (found !== undefined) return found;
    throw new TunerError(
      'TUNE_STEP',
      `libvirt does not report ${JSON.stringify(field)} of ${of}, so a change could not be undone; remove the setting from the profile: this libvirt or this host does not support it`,
    );
  });
}

/** How wanted parameters differ; values are compared as text. */
export function paramsDiffer(is: readonly StepParam[], wanted: readonly StepParam[]): string | undefined {
  const unlike = wanted.flatMap(({ field, value }) => {
    const now = is.find((param) => param.field === field)?.value;
    return now !== undefined && String(now) === String(value)
      ? []
      : [`${field} is ${now ?? 'absent'}, not ${value}`];
  });
  return unlike.length === 0 ? undefined : unlike.join('; ');
}
