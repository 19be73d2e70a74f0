import { percent } from '../../model/format.ts';
import type { Advice, Affected, Remedy, Step } from '../advice.ts';
import { amount } from '../amounts.ts';
import { isDatabase } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { meanOf, medianOf } from '../evidence.ts';
import type { ObservedVm } from '../observation.ts';
import { diskLimit, isHeldByLimit, limitKey } from './disk-limit.ts';
import { bytesOf, harmOf, isSlow, latencyText, meanBytes, SLOW_MS, type Use, usesOf } from './uses.ts';

/**
 * Share of a storage's bytes that makes a VM a culprit, and share that all culprits cover together: a heavy user left
 * unlimited would take what the others no longer get.
 */
const CULPRIT_SHARE = 0.03;
const CULPRITS_SHARE = 0.9;
/** Share of a saturated storage's throughput that all VMs, limited and others, may use together. */
const RELIEVED = 0.6;
/** Share of their present use that limited VMs keep at least. */
const PAYER_KEEPS = 0.2;
/** Room left to VMs that are not limited, as a multiple of their present use. */
const OTHERS_GROWTH = 3;
const MIB = 1_048_576;
/** Granularity of limits; none is below 1 MiB/s. */
const LIMIT_STEP = 65_536;

/** Slow disks, by the storage that they share: one cause per storage, however many VMs wait for it. */
export function storageAdvice(context: Context): Advice[] {
  const uses = usesOf(context);
  const slow = uses.filter((use) => isSlow(use, context.minSamples));
  const held = slow.filter((use) => isHeldByLimit(use));
  const byStorage = Map.groupBy(
    slow.filter((use) => !held.includes(use)),
    ({ storage }) => storage,
  );
  return [
    ...[...Map.groupBy(held, limitKey).values()].flatMap(([first, ...others]) =>
      first === undefined ? [] : [diskLimit(first, others, uses, slow, context)],
    ),
    ...[...byStorage].map(([storage, victims]) =>
      hotSpot(
        storage,
        victims,
        uses.filter((use) => use.storage === storage),
        context,
      ),
    ),
  ];
}

interface Consumer {
  readonly vm: ObservedVm;
  readonly uses: readonly Use[];
  readonly bytesPerSecond: number;
}

function hotSpot(storage: string, slow: readonly Use[], uses: readonly Use[], context: Context): Advice {
  const consumers = [...Map.groupBy(uses, ({ vm }) => vm)]
    .map(([vm, its]): Consumer => ({ vm, uses: its, bytesPerSecond: bytesOf(its) }))
    .toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond);
  const total = bytesOf(uses);
  const culprits = culpritsOf(consumers, total);
  const all = affected(slow);
  const others = culprits.filter(({ vm }) => all.some(({ uuid }) => uuid !== vm.uuid));
  const [worst] = slow.toSorted(
    (a, b) => (b.series.latencyMs.median ?? 0) - (a.series.latencyMs.median ?? 0),
  );
  const isShared = all.length > 1 && others.length > 0;
  // Culprits, except databases, count as victims only if there are no others.
  const hurt = isShared
    ? slow.filter(({ vm }) => isDatabase(vm) || !culprits.some((each) => each.vm === vm))
    : slow;
  const suffering = hurt.length === 0 ? slow : hurt;
  const victims = affected(suffering);
  return {
    kind: isShared ? 'storage-hot-spot' : 'disk-slow',
    id: isShared ? `storage-hot-spot:${storage}` : `disk-slow:${worst?.vm.uuid.slice(0, 8)}:${worst?.target}`,
    severity: 'bad',
    title: isShared
      ? `${victims.length === 1 ? 'a VM waits' : `${victims.length} VMs wait`} for the storage ${storage}`
      : `high request latency on ${worst?.target}`,
    victims,
    evidence:
      worst === undefined
        ? []
        : [
            ...medianOf('request latency of the worst disk', worst.series.latencyMs, {
              unit: 'ms',
              limit: SLOW_MS,
              over: context.observation,
            }),
            meanOf('throughput of the storage, from this host', total / MIB, 'MiB/s', context.observation),
          ],
    cause: isShared
      ? `${culprits.length} VMs use ${percent((100 * culprits.reduce((sum, each) => sum + each.bytesPerSecond, 0)) / Math.max(1, total))} % of its throughput`
      : 'the storage is too slow for the load of the VM, or other hosts use it too',
    culprits: culprits.map(({ vm, bytesPerSecond }) => ({
      ...refOf(vm),
      evidence: `${amount(bytesPerSecond)}/s, ${percent((100 * bytesPerSecond) / Math.max(1, total))} %`,
    })),
    remedies: isShared ? limitOf(culprits, total, context) : [],
    harm: harmOf(suffering),
  };
}

function culpritsOf(consumers: readonly Consumer[], total: number): Consumer[] {
  const culprits: Consumer[] = [];
  let covered = 0;
  for (const each of consumers) {
    if (covered >= CULPRITS_SHARE * total || each.bytesPerSecond < CULPRIT_SHARE * total) break;
    culprits.push(each);
    covered += each.bytesPerSecond;
  }
  return culprits;
}

/** Limits the culprits that no user waits for. */
function limitOf(culprits: readonly Consumer[], total: number, { uri }: Context): Remedy[] {
  const payers = culprits.filter(({ vm }) => !isDatabase(vm));
  const now = payers.reduce((sum, each) => sum + each.bytesPerSecond, 0);
  // What the others would use without waiting is unknown.
  const target = Math.max(PAYER_KEEPS * now, RELIEVED * total - OTHERS_GROWTH * (total - now));
  if (payers.length === 0 || now < 0.3 * total || target > 0.9 * now) return [];
  const share = target / now;
  const limited = payers
    .map(({ vm, uses, bytesPerSecond }) => {
      const steps = uses
        .filter(isLimitable)
        .map((use) => ({ use, limit: limitFor(use, share) }))
        .filter(({ use, limit }) => limit < Math.min(meanBytes(use), limitNow(use) ?? Infinity));
      const kept = steps.reduce((sum, { use, limit }) => sum - meanBytes(use) + limit, bytesPerSecond);
      return { vm, steps, bytesPerSecond, kept };
    })
    .filter(({ steps }) => steps.length > 0);
  const steps = limited.flatMap(({ vm, steps: its }) =>
    its.map(({ use, limit }) => limitStep(uri, vm, use, limit)),
  );
  const keptAll = limited.reduce((sum, { kept }) => sum + kept, 0);
  const usedAll = limited.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0);
  if (steps.length === 0) return [];
  const undo = undoOf(limited.flatMap(({ steps: its }) => its.map(({ use }) => use)));
  return [
    {
      change: `limit ${limited.map(({ vm }) => vm.name).join(', ')} to ${amount(keptAll)}/s together`,
      steps,
      cost: limited
        .map(
          ({ vm, bytesPerSecond, kept }) =>
            `${vm.name} has ${amount(kept)}/s instead of ${amount(bytesPerSecond)}/s`,
        )
        .join('; '),
      payers: limited.map(({ vm }) => refOf(vm)),
      gain: `demand on the storage falls by ${percent((100 * (usedAll - keptAll)) / total)} %; by how much latency falls is unknown`,
      risk: `they take longer. If the others still wait after a minute, ask again: what they would use is not known. Limits last until the next start of a VM, or until ${undo}`,
      effect: 'live',
    },
  ];
}

/** Rounded down: a limit above the share could exceed the one that the disk already has. */
function limitFor(use: Use, share: number): number {
  return Math.max(MIB, Math.floor((meanBytes(use) * share) / LIMIT_STEP) * LIMIT_STEP);
}

/** The disk's limit on total bytes per second; undefined without one. */
const limitNow = ({ disk }: Use): number | undefined => disk?.limits.get('total_bytes_sec') || undefined;

/** Arguments of virsh blkdeviotune to undo the limits: a disk's previous limit, or 0 if it had none. */
function undoOf(uses: readonly Use[]): string {
  const restored = uses.flatMap((use) => {
    const now = limitNow(use);
    return now === undefined ? [] : [`--total-bytes-sec ${now} for ${use.vm.name} ${use.target}`];
  });
  const removed = restored.length === 0 ? ['--total-bytes-sec 0'] : ['--total-bytes-sec 0 for the others'];
  return [...restored, ...(restored.length < uses.length ? removed : [])].join(', ');
}

/**
 * Whether a limit can be set: setting a total would remove a limit of reads or writes alone, and a group shares what
 * one of its disks gets. libvirt refuses a limit of the disk in addition to throttle filters.
 */
function isLimitable({ disk }: Use): boolean {
  if (disk?.limitGroup !== undefined || disk?.throttleGroups !== undefined) return false;
  const set = [...(disk?.limits ?? [])].filter(([name, value]) => value > 0 && name !== 'size_iops_sec');
  return disk !== undefined && set.every(([name]) => name === 'total_bytes_sec');
}

function limitStep(uri: string, vm: ObservedVm, use: Use, limit: number): Step {
  return virshStep(uri, vm, 'blkdeviotune', use.target, '--total-bytes-sec', String(limit), '--live');
}

function affected(slow: readonly Use[]): Affected[] {
  return [...Map.groupBy(slow, ({ vm }) => vm)]
    .map(([vm, its]) => ({
      ...refOf(vm),
      evidence: its.map(latencyText).join(', '),
      worst: Math.max(...its.map(({ series }) => series.latencyMs.median ?? 0)),
    }))
    .toSorted((a, b) => b.worst - a.worst)
    .map(({ uuid, name, evidence }) => ({ uuid, name, evidence }));
}
