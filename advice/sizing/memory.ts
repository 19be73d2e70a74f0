import { percent } from '../../model/format.ts';
import type { Advice, Evidence, Remedy, Step } from '../advice.ts';
import { amount } from '../amounts.ts';
import { uuidFor, virsh } from '../commands.ts';
import { TRANSIENT } from '../transient.ts';
import { decayedQuantile } from './decayed-quantile.ts';
import { GROW_SECONDS, MARGIN, SAVED_MIN, SHRINK_SECONDS, TARGET } from './rules.ts';
import type { MemoryUsage, VmUsage } from './usage.ts';
import type { SizingContext } from './vcpus.ts';

const MIB = 1024 ** 2;
/** Granularity of sizes; they are also whole pages of the VM. */
const STEP_BYTES = 256 * MIB;
/** Minimum for a kernel and its first processes, whatever was used. */
const LEAST_BYTES = 512 * MIB;
/** Share of the time from which a guest lacks memory: what a target at the 90th percentile leaves. */
const LACKING = 0.1;
/** After an out-of-memory, the Vertical Pod Autoscaler adds a fifth to what was used. */
const BUMP = 1.2;
/** A balloon that leaves less than this of the maximum holds memory back. */
const SQUEEZED = 0.9;

/** The memory size that the guest's use calls for, if the VM has a different one. */
export function memorySizeAdvice(
  vm: VmUsage,
  memory: MemoryUsage,
  context: SizingContext,
): Advice | undefined {
  const isLacking = memory.starvedShare >= LACKING || memory.lowShare >= LACKING;
  if (isLacking && context.spanSeconds >= GROW_SECONDS) return undersized(vm, memory, context);
  const isCalm = memory.swappingShare === 0 && memory.lowShare === 0;
  const enough = enoughBytes(memory, Math.max(STEP_BYTES, vm.hugePageBytes ?? 0));
  if (isCalm && context.spanSeconds >= SHRINK_SECONDS && enough <= (1 - SAVED_MIN) * vm.currentBytes)
    return oversized(vm, memory, enough, context);
  return undefined;
}

const steps = (size: number, step = STEP_BYTES): number => Math.ceil(size / step) * step;

/** By the margin above the peak and the percentile of daily peaks. QEMU starts no VM with a partial page. */
function enoughBytes({ dailyPeaks, peakBytes, unseenBytes }: MemoryUsage, step: number): number {
  const p90 = decayedQuantile(dailyPeaks, TARGET) ?? 0;
  return steps(Math.max(LEAST_BYTES, MARGIN * Math.max(p90, peakBytes) + unseenBytes), step);
}

function oversized(vm: VmUsage, memory: MemoryUsage, enough: number, context: SizingContext): Advice {
  const ref = { uuid: vm.uuid, name: vm.name };
  const saved = vm.currentBytes - enough;
  const lostCache = lostCacheBytes(memory, enough - memory.unseenBytes);
  const cost =
    lostCache === undefined
      ? 'none to other VMs. How much page cache its guest loses is not known'
      : lostCache === 0
        ? 'none: its page cache still fits'
        : `none to other VMs. Its guest keeps ${amount((memory.cacheBytes ?? 0) - lostCache)} of ${amount(memory.cacheBytes ?? 0)} page cache, so it may read more from its disks`;
  const byHand =
    vm.guestCells > 0
      ? byHandText(vm, true, 'its memory is divided among cells of the guest')
      : byHandText(
          vm,
          vm.isOnHugePages && vm.hugePageBytes === undefined,
          "it has to be whole huge pages, and the host's default page size is not exported",
        );
  const same = { cost, payers: [ref], gain: `${amount(saved)} for other VMs` };
  return {
    kind: 'vm-oversized',
    id: `vm-oversized:${vm.uuid.slice(0, 8)}:memory`,
    severity: 'info',
    title: `${vm.name} has ${amount(vm.currentBytes)}, but needs only ${amount(enough)}`,
    victims: [{ ...ref, evidence: `uses ${amount(memory.peakBytes)} at most` }],
    evidence: evidenceOf(memory, context),
    cause: `its guest used ${amount(memory.peakBytes)} at most; ${amount(enough)} leaves ${percent(100 * (MARGIN - 1))} % above that, plus memory that the guest does not see`,
    culprits: [],
    remedies: [
      {
        change: `give it ${amount(enough)} from its next start on${byHand ?? ''}`,
        steps: byHand === undefined ? resize(context.uri, vm, enough) : [],
        ...same,
        risk: 'a new weekly or monthly load is not in the range. Shrink database buffers that were sized for the old memory first',
        effect: 'next boot',
      },
      // A balloon cannot release memory on huge pages, or memory that is fixed.
      ...(vm.isOnHugePages || vm.isMemoryFixed || !vm.isLayoutKnown
        ? []
        : [
            {
              change: `inflate its balloon to ${amount(enough)} now`,
              steps: [memoryStep(context.uri, vm, 'setmem', enough, '--live')],
              ...same,
              risk: 'the guest needs a balloon driver, and may swap if it suddenly needs more; setmem can deflate it again',
              effect: 'live' as const,
            },
          ]),
    ],
    harm: 0,
  };
}

function undersized(vm: VmUsage, memory: MemoryUsage, context: SizingContext): Advice {
  const ref = { uuid: vm.uuid, name: vm.name };
  return {
    kind: 'vm-undersized',
    id: `vm-undersized:${vm.uuid.slice(0, 8)}:memory`,
    severity: 'warn',
    title: `${vm.name} lacks memory: it has ${amount(vm.currentBytes)}`,
    victims: [
      {
        ...ref,
        evidence: `swaps in for lack of memory for ${percent(100 * memory.starvedShare)} % of the time, has almost no usable memory for ${percent(100 * memory.lowShare)} %`,
      },
    ],
    evidence: evidenceOf(memory, context),
    cause:
      vm.currentBytes < SQUEEZED * vm.maximumBytes
        ? 'its balloon holds memory that the guest needs'
        : 'its processes need more than the VM may have',
    culprits: [],
    remedies: [grow(vm, context)],
    harm: 0,
  };
}

function grow(vm: VmUsage, { uri, room }: SizingContext): Remedy {
  const isSqueezed = vm.currentBytes < SQUEEZED * vm.maximumBytes;
  const wanted = isSqueezed ? vm.maximumBytes : steps(BUMP * vm.currentBytes);
  const more = wanted - vm.currentBytes;
  const risk =
    'an application that uses all available memory will use this too: check what uses memory in the guest';
  if (!room.takeBytes(more)) {
    return {
      change: `move it to a host that can give it ${amount(more)} more; this one has ${amount(room.bytes)} left above its reserve`,
      steps: [],
      cost: 'none on this host',
      payers: [],
      gain: 'unknown',
      risk,
      effect: 'nothing changes',
    };
  }
  const byHand = isSqueezed
    ? undefined
    : byHandText(vm, vm.guestCells > 0 || vm.isOnHugePages, 'huge pages and cells of the guest have to fit');
  return {
    change: isSqueezed
      ? `deflate its balloon to ${amount(wanted)}, its maximum`
      : `give it ${amount(wanted)} from its next start on${byHand ?? ''}`,
    steps:
      byHand !== undefined
        ? []
        : isSqueezed
          ? [memoryStep(uri, vm, 'setmem', wanted, '--live')]
          : resize(uri, vm, wanted),
    cost: `${amount(more)} less for all other VMs; at the lowest available memory of the range, the host keeps ${amount(room.bytes)} above its reserve`,
    payers: [],
    gain: 'unknown: how much the guest lacks is not measured. Ask again after a day',
    risk,
    effect: isSqueezed ? 'live' : 'next boot',
  };
}

/** Why there is no command; undefined where there is one. */
function byHandText(
  { isLayoutKnown, isTransient }: VmUsage,
  isNeeded: boolean,
  why: string,
): string | undefined {
  if (isTransient) return TRANSIENT;
  if (!isLayoutKnown)
    return ', by hand: whether it has huge pages or cells of the guest is not exported (group tuning)';
  return isNeeded ? `, by hand: ${why}` : undefined;
}

/** Page cache that would no longer fit beside the peak use; undefined where it is not reported. */
function lostCacheBytes({ cacheBytes, peakBytes }: MemoryUsage, size: number): number | undefined {
  return cacheBytes === undefined
    ? undefined
    : Math.min(cacheBytes, Math.max(0, cacheBytes + peakBytes - size));
}

function evidenceOf(memory: MemoryUsage, { spanSeconds }: SizingContext): Evidence[] {
  const same = { samples: memory.dailyPeaks.length, spanMs: spanSeconds * 1_000 };
  const p90 = decayedQuantile(memory.dailyPeaks, TARGET) ?? 0;
  const GIB = 1024 ** 3;
  return [
    { figure: "the days' highest used memory", statistic: 'p90', value: p90 / GIB, unit: 'GiB', ...same },
    { figure: 'used memory', statistic: 'maximum', value: memory.peakBytes / GIB, unit: 'GiB', ...same },
  ];
}

/** When shrinking, the maximum comes last: it may not be below the balloon's current size. */
function resize(uri: string, vm: VmUsage, size: number): Step[] {
  const set = (command: 'setmem' | 'setmaxmem'): Step => memoryStep(uri, vm, command, size, '--config');
  return size < vm.maximumBytes ? [set('setmem'), set('setmaxmem')] : [set('setmaxmem'), set('setmem')];
}

function memoryStep(
  uri: string,
  { uuid, name }: VmUsage,
  command: 'setmem' | 'setmaxmem',
  size: number,
  flag: string,
): Step {
  const vm = { uuid, name };
  return { argv: virsh(uri, command, uuidFor(vm), String(Math.floor(size / 1_024)), flag), vm };
}
