import type { Disk } from '../../model/domain/disks.ts';
import type { Advice, Remedy } from '../advice.ts';
import { amount } from '../amounts.ts';
import { isBatch } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { isLasting, medianOf } from '../evidence.ts';
import { keep } from '../no-change.ts';
import { mayShare } from './places.ts';
import { bytesOf, harmOf, latencyText, SLOW_MS, type Use } from './uses.ts';

/** A disk that uses this much of its limit is held by it. */
const LIMIT_FULL = 0.9;
/** libvirt refuses a limit above this (QEMU_BLOCK_IOTUNE_MAX in its src/qemu/qemu_driver.c). */
const LIMIT_MAX = 1e15;

/** Whether a disk uses all that its limit allows. Each figure of that is over 5 s at least, so that one is enough. */
export function isHeldByLimit({ series }: Use): boolean {
  return isLasting(series.limitUse, LIMIT_FULL, 1);
}

/** Disks that one limit holds: of a VM, those of a group together. */
export function limitKey({ vm, target, disk }: Use): string {
  const of = disk?.limitGroup === undefined ? `disk ${target}` : `group ${disk.limitGroup}`;
  return `${vm.uuid} ${of}`;
}

/** Disks that one limit makes slow: one of them, and others of its group. */
export function diskLimit(
  first: Use,
  others: readonly Use[],
  uses: readonly Use[],
  slow: readonly Use[],
  context: Context,
): Advice {
  const { vm, target, series } = first;
  const held = [first, ...others];
  const sharing = uses.filter((use) => limitKey(use) === limitKey(first));
  const isCalm = !slow.some((other) => !sharing.includes(other) && mayShare(other, first));
  const targets = held.map((use) => use.target).join(', ');
  return {
    kind: 'disk-limit',
    id: `disk-limit:${vm.uuid.slice(0, 8)}:${target}`,
    severity: isBatch(vm) ? 'info' : 'warn',
    title:
      sharing.length > 1
        ? `${targets} ${held.length > 1 ? 'are' : 'is'} held back by the I/O limit of a group of disks`
        : `${target} is held back by its own I/O limit`,
    victims: [{ ...refOf(vm), evidence: held.map(latencyText).join(', ') }],
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
    cause: `an I/O limit (${ratesOf(first.disk)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')})`,
    culprits: [],
    remedies: limitRemedies(first, { uses, sharing, isCalm }, context),
    harm: harmOf(held),
  };
}

type Limit = readonly [name: string, value: number];

/** The limits that are set, without bursts. */
function ratesOf(disk: Disk | undefined): Limit[] {
  return [...(disk?.limits ?? [])].filter(
    ([name, value]) => value > 0 && /_sec$/.test(name) && name !== 'size_iops_sec',
  );
}

/** All at once, since libvirt removes those of the same unit that a call leaves out; it refuses a burst below its limit. */
function doubled(disk: Disk | undefined): Limit[] {
  return ratesOf(disk).flatMap(([name, value]): Limit[] => {
    const twice: Limit = [name, Math.min(LIMIT_MAX, 2 * value)];
    const burst = disk?.limits.get(`${name}_max`) ?? 0;
    return burst > 0 ? [twice, [`${name}_max`, Math.max(burst, twice[1])]] : [twice];
  });
}

/** A limit of a VM that no one waits for does what it was set for: raising it is only the alternative. */
function limitRemedies(
  { vm, target, disk, storage }: Use,
  { uses, sharing, isCalm }: { uses: readonly Use[]; sharing: readonly Use[]; isCalm: boolean },
  { uri }: Context,
): Remedy[] {
  const limits = doubled(disk);
  if (!isCalm || limits.length === 0) return [keep('limit')];
  const sharers = new Set(uses.filter((each) => each.storage === storage).map((each) => each.vm)).size;
  const raise: Remedy = {
    change: 'double the limit until its next start; no other disk that may be on the same storage is slow',
    steps: [
      virshStep(
        uri,
        vm,
        'blkdeviotune',
        target,
        ...limits.flatMap(([name, value]) => [`--${name.replaceAll('_', '-')}`, String(value)]),
        '--live',
      ),
    ],
    cost: `up to ${amount(bytesOf(sharing))}/s more for the storage${sharers > 1 ? `, which ${sharers} VMs use` : ''}`,
    payers: [],
    gain: 'unknown: what the guest would ask for without the limit is not measured',
    risk: 'a limit may be what was sold, or what keeps the storage calm: ask who set it',
    effect: 'live',
  };
  return isBatch(vm) ? [keep('limit'), raise] : [raise, keep('limit')];
}
