import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import { type CpuCause, cpuCauses } from '../cpu/causes.ts';
import { dedicatedCpusShared } from '../cpu/dedicated.ts';
import { cpuOvercommit } from '../cpu/overcommit.ts';
import { cpuQuota } from '../cpu/quota.ts';
import { cpusSqueezed } from '../cpu/squeezed.ts';
import { cpuSteal } from '../cpu/unexplained.ts';
import { wideVm } from '../cpu/wide.ts';
import type { CpuLoad } from '../cpu-load.ts';

const BY_CAUSE: Readonly<
  Record<CpuCause['kind'], (cause: CpuCause, context: Context, load: CpuLoad) => Advice | readonly Advice[]>
> = {
  quota: cpuQuota,
  wide: wideVm,
  dedicated: dedicatedCpusShared,
  squeezed: cpusSqueezed,
  overcommit: cpuOvercommit,
  unexplained: cpuSteal,
};

/** Why VMs wait for CPUs, and what would help. */
export function cpuAdvice(context: Context): Advice[] {
  const { load } = context;
  if (load === undefined) return [];
  return cpuCauses(context, load).flatMap((cause) => BY_CAUSE[cause.kind](cause, context, load));
}
