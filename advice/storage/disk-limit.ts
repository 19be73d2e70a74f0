import { limitSets, type ThrottleGroup } from '../../model/domain/disk-limits.ts';
import type { Disk } from '../../model/domain/disks.ts';
import type { Advice, Remedy } from '../advice.ts';
import { amount } from '../amounts.ts';
import { isBatch } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { isLasting, medianOf } from '../evidence.ts';
import { findOut, keep } from '../no-change.ts';
import { mayShare } from './places.ts';
import { bytesOf, harmOf, latencyText, SLOW_MS, type Use } from './uses.ts';

/** Share of its limit from which a disk counts as held back by it. */
const LIMIT_FULL = 0.9;
/** libvirt refuses a limit above this (QEMU_BLOCK_IOTUNE_MAX in its src/qemu/qemu_driver.c). */
const LIMIT_MAX = 1e15;

/** Whether a disk uses all that its limit allows. Each figure covers at least 5 s, so one is enough. */
export function isHeldByLimit({ series }: Use): boolean {
  return isLasting(series.limitUse, LIMIT_FULL, 1);
}

/** Names of the limits that apply to a disk, within its VM. */
function limitNames({ target, disk }: Use): string[] {
  return limitSets(disk ?? { target, limits: new Map() }).map(({ name }) => name);
}

/** Key of disks that share the same limits: disks of one group in a VM, or with the same throttle groups. */
export function limitKey(use: Use): string {
  return JSON.stringify([use.vm.uuid, ...limitNames(use)]);
}

/** Whether a limit applies to both disks together. */
function isTogether(one: Use, other: Use): boolean {
  const names = new Set(limitNames(one));
  return one.vm.uuid === other.vm.uuid && limitNames(other).some((name) => names.has(name));
}

/** Disks slowed down by one limit: one of them, and others of its group. */
export function diskLimit(
  first: Use,
  others: readonly Use[],
  uses: readonly Use[],
  slow: readonly Use[],
  context: Context,
): Advice {
  const { vm, target, series } = first;
  const held = [first, ...others];
  const sharing = uses.filter((use) => isTogether(use, first));
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
    cause: causeOf(first.disk),
    culprits: [],
    remedies: limitRemedies(first, { uses, sharing, isCalm }, context),
    harm: harmOf(held),
  };
}

type Limit = readonly [name: string, value: number];

/** The limits that are set, without bursts. */
function ratesOf(limits: Disk['limits'] | undefined): Limit[] {
  return [...(limits ?? [])].filter(
    ([name, value]) => value > 0 && /_sec$/.test(name) && name !== 'size_iops_sec',
  );
}

const ratesText = (limits: Disk['limits'] | undefined): string =>
  ratesOf(limits)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

function causeOf(disk: Disk | undefined): string {
  const groups = limitingGroups(disk).map(
    ({ name, limits }) => `throttle group ${name}: ${ratesText(limits)}`,
  );
  return `an I/O limit (${groups.length > 0 ? groups.join('; ') : ratesText(disk?.limits)})`;
}

const limitingGroups = (disk: Disk | undefined): readonly ThrottleGroup[] =>
  disk?.throttleGroups?.filter(({ limits }) => ratesOf(limits).length > 0) ?? [];

/** All at once, since libvirt removes limits of the same unit that a call omits; it refuses a burst below its limit. */
function doubled(disk: Disk | undefined): Limit[] {
  return ratesOf(disk?.limits).flatMap(([name, value]): Limit[] => {
    const twice: Limit = [name, Math.min(LIMIT_MAX, 2 * value)];
    const burst = disk?.limits.get(`${name}_max`) ?? 0;
    return burst > 0 ? [twice, [`${name}_max`, Math.max(burst, twice[1])]] : [twice];
  });
}

/** The limit of a VM that no user waits for works as intended: raising it is only the alternative. */
function limitRemedies(
  { vm, target, disk, storage }: Use,
  { uses, sharing, isCalm }: { uses: readonly Use[]; sharing: readonly Use[]; isCalm: boolean },
  { uri }: Context,
): Remedy[] {
  const limits = doubled(disk);
  if (!isCalm || limits.length === 0) return [keep('limit')];
  if (disk?.throttleGroups !== undefined) {
    const raise = raiseGroups(limitingGroups(disk));
    return isBatch(vm) ? [keep('limit'), raise] : [raise, keep('limit')];
  }
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
    gain: 'unknown: the demand of the guest without the limit is not measured',
    risk: 'the limit may be part of a service plan, or protect the storage: ask who set it',
    effect: 'live',
  };
  return isBatch(vm) ? [keep('limit'), raise] : [raise, keep('limit')];
}

/** libvirt refuses `blkdeviotune` for such a disk. No command: which of its groups holds it back is unknown. */
function raiseGroups(groups: readonly ThrottleGroup[]): Remedy {
  const names = groups.map(({ name }) => name).join(', ');
  return findOut(
    `find out who set the limits of throttle ${groups.length > 1 ? 'groups' : 'group'} ${names}, and whether they may be higher (virsh domthrottlegroupset)`,
  );
}
