import type { Advice, Remedy } from '../advice.ts';
import { amount } from '../amounts.ts';
import { isBatch } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { isLasting, medianOf } from '../evidence.ts';
import { keep } from '../keep.ts';
import { harmOf, latencyText, SLOW_MS, type Use } from './uses.ts';

/** A disk that uses this much of its limit is held by it. */
const LIMIT_FULL = 0.9;
/** Whether a disk uses all that its limit allows. Each figure of that is over 5 s at least, so that one is enough. */
export function isHeldByLimit({ series }: Use): boolean {
  return isLasting(series.limitUse, LIMIT_FULL, 1);
}

/** A disk that its own limit makes slow. */
export function diskLimit(use: Use, uses: readonly Use[], slow: readonly Use[], context: Context): Advice {
  const { vm, target, series } = use;
  const isCalm = !slow.some((other) => other !== use && other.storage === use.storage);
  const raised = [...(use.disk?.limits ?? [])].filter(
    ([name, value]) => value > 0 && /_sec$/.test(name) && name !== 'size_iops_sec',
  );
  return {
    kind: 'disk-limit',
    id: `disk-limit:${vm.uuid.slice(0, 8)}:${target}`,
    severity: isBatch(vm) ? 'info' : 'warn',
    title: `${target} is held back by its own I/O limit`,
    victims: [{ ...refOf(vm), evidence: latencyText(use) }],
    evidence: [
      ...medianOf('share of the limit that is used', series.limitUse, {
        unit: '%',
        scale: 100,
        limit: LIMIT_FULL,
        over: context.observation,
      }),
      ...medianOf('request latency', series.latencyMs, {
        unit: 'ms',
        limit: SLOW_MS,
        over: context.observation,
      }),
    ],
    cause: `an I/O limit (${raised.map(([name, value]) => `${name} ${value}`).join(', ')})`,
    culprits: [],
    remedies: limitRemedies(use, uses, raised, isCalm, context),
    harm: harmOf([use]),
  };
}

/** A limit of a VM that no one waits for does what it was set for: raising it is only the alternative. */
function limitRemedies(
  { vm, target, series, storage }: Use,
  uses: readonly Use[],
  limits: readonly (readonly [name: string, value: number])[],
  isCalm: boolean,
  { uri }: Context,
): Remedy[] {
  if (!isCalm || limits.length === 0) return [keep('limit')];
  const sharers = new Set(uses.filter((each) => each.storage === storage).map((each) => each.vm)).size;
  const raise: Remedy = {
    change: 'double the limit; no other disk on the same storage is slow',
    steps: [
      virshStep(
        uri,
        vm,
        'blkdeviotune',
        target,
        ...limits.flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, String(2 * value)]),
        '--live',
      ),
    ],
    cost: `up to ${amount(series.bytes.mean ?? 0)}/s more for the storage, which ${sharers} VMs use`,
    payers: [],
    gain: 'unknown: what the guest would ask for without the limit is not measured',
    risk: 'a limit may be what was sold, or what keeps the storage calm: ask who set it',
    effect: 'live',
  };
  return isBatch(vm) ? [keep('limit'), raise] : [raise, keep('limit')];
}
