import type { Disk, DiskSource } from '../../model/domain/disks.ts';
import { bytes, milliseconds, percent } from '../../model/format.ts';
import type { Advice, Affected, Remedy, Step } from '../advice.ts';
import { isBatch, isDatabase } from '../behaviour.ts';
import { refOf, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { isLasting, meanOf, medianOf } from '../evidence.ts';
import type { DiskSeries, ObservedVm } from '../observation.ts';

/** Requests that take longer are slow on any storage. */
const SLOW_MS = 50;
const FLUSH_SLOW_MS = 150;
/** A disk without requests is not slow. */
const REQUESTS_MIN = 1;
/** A disk that uses this much of its limit is held by it. */
const LIMIT_FULL = 0.9;
/**
 * Of the bytes of a storage, what makes a VM a culprit, and what all culprits have together. A heavy user that is not limited
 * would take what the others no longer get.
 */
const CULPRIT_SHARE = 0.03;
const CULPRITS_SHARE = 0.9;
/** Of what a saturated storage delivers, what the others and the limited ones may use together. */
const RELIEVED = 0.6;
/** Of what they use now, what limited VMs keep at least. */
const PAYER_KEEPS = 0.2;
/** How much more than now is left to those that are not limited. */
const OTHERS_GROWTH = 3;
const MIB = 1_048_576;

/** One disk of one VM, where it lies, and what it does. */
export interface Use {
  readonly vm: ObservedVm;
  readonly target: string;
  readonly disk: Disk | undefined;
  readonly series: DiskSeries;
  readonly storage: string;
}

export function usesOf({ running, observation }: Context): Use[] {
  const pools = (observation.newest.host?.pools ?? []).flatMap(({ name, path }) =>
    path === undefined ? [] : [{ name, folder: `${path.replace(/\/$/, '')}/` }],
  );
  return running.flatMap((vm) =>
    [...vm.disks].map(([target, series]) => {
      const disk = vm.facts?.disks.find((each) => each.target === target);
      return { vm, target, disk, series, storage: storageOf(disk?.source, pools) };
    }),
  );
}

/** What disks share, as far as libvirt shows it: a pool, a folder, a cluster; a device is shared with no other disk. */
function storageOf(
  source: DiskSource | undefined,
  pools: readonly { readonly name: string; readonly folder: string }[],
): string {
  if (source === undefined) return 'unknown storage';
  const { kind, name, protocol } = source;
  if (kind === 'volume') return `pool ${name.split('/')[0]}`;
  const pool = pools.find(({ folder }) => name.startsWith(folder));
  if (pool !== undefined) return `pool ${pool.name}`;
  if (kind === 'file') return name.slice(0, Math.max(1, name.lastIndexOf('/')));
  if (protocol !== undefined) return name.split('/')[0] ?? protocol;
  return name;
}

function isSlow({ series }: Use, minSamples: number): boolean {
  const { latencyMs, flushLatencyMs, requests, flushes } = series;
  return (
    (isLasting(latencyMs, SLOW_MS, minSamples) && (requests.median ?? 0) > REQUESTS_MIN) ||
    (isLasting(flushLatencyMs, FLUSH_SLOW_MS, minSamples) && (flushes.median ?? 0) > REQUESTS_MIN)
  );
}

/** Slow disks, by the storage that they share: one cause per storage, however many VMs wait for it. */
export function storageAdvice(context: Context): Advice[] {
  const uses = usesOf(context);
  const slow = uses.filter((use) => isSlow(use, context.minSamples));
  const held = slow.filter(({ series }) => isLasting(series.limitUse, LIMIT_FULL, context.minSamples));
  const byStorage = Map.groupBy(
    slow.filter((use) => !held.includes(use)),
    ({ storage }) => storage,
  );
  return [
    ...held.map((use) => diskLimit(use, uses, slow, context)),
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
  const victims = affected(slow);
  const others = culprits.filter(({ vm }) => victims.some(({ uuid }) => uuid !== vm.uuid));
  const [worst] = slow.toSorted(
    (a, b) => (b.series.latencyMs.median ?? 0) - (a.series.latencyMs.median ?? 0),
  );
  const isShared = victims.length > 1 && others.length > 0;
  return {
    kind: isShared ? 'storage-hot-spot' : 'disk-slow',
    id: isShared ? `storage-hot-spot:${storage}` : `disk-slow:${worst?.vm.uuid.slice(0, 8)}:${worst?.target}`,
    severity: 'bad',
    title: isShared
      ? `${victims.length} VMs wait for the storage ${storage}`
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
      : 'the storage is slow for what the VM asks of it, or is used by other hosts',
    culprits: culprits.map(({ vm, bytesPerSecond }) => ({
      ...refOf(vm),
      evidence: `${bytes(bytesPerSecond)}/s, ${percent((100 * bytesPerSecond) / Math.max(1, total))} %`,
    })),
    remedies: isShared ? limitOf(culprits, total, context) : [],
    harm: slow.length === 0 ? 0 : harmOf(slow),
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

/** Of the culprits, those that no one waits for. */
function limitOf(culprits: readonly Consumer[], total: number, { uri }: Context): Remedy[] {
  const payers = culprits.filter(({ vm }) => !isDatabase(vm));
  const now = payers.reduce((sum, each) => sum + each.bytesPerSecond, 0);
  // Nobody knows what the others would ask for if they did not wait.
  const target = Math.max(PAYER_KEEPS * now, RELIEVED * total - OTHERS_GROWTH * (total - now));
  if (payers.length === 0 || now < 0.3 * total || target > 0.9 * now) return [];
  const share = target / now;
  const steps = payers.flatMap(({ vm, uses }) =>
    uses
      .filter((use) => isLimitable(use) && meanBytes(use) >= MIB / 4)
      .map((use) => limitStep(uri, vm, use, share)),
  );
  if (steps.length === 0) return [];
  return [
    {
      change: `limit ${payers.map(({ vm }) => vm.name).join(', ')} to ${bytes(target)}/s together`,
      steps,
      cost: payers
        .map(
          ({ vm, bytesPerSecond }) =>
            `${vm.name} has ${bytes(bytesPerSecond * share)}/s instead of ${bytes(bytesPerSecond)}/s`,
        )
        .join('; '),
      payers: payers.map(({ vm }) => refOf(vm)),
      gain: `the storage is asked for ${percent((100 * (now - target)) / total)} % less; by how much latency falls is unknown`,
      risk: 'they take longer. If the others still wait after a minute, ask again: what they would use is not known. --total-bytes-sec 0 removes a limit, and so does a restart',
      effect: 'live',
    },
  ];
}

/** A limit of reads or of writes alone would be driven out by one of both. */
function isLimitable({ disk }: Use): boolean {
  const set = [...(disk?.limits ?? [])].filter(([name, value]) => value > 0 && name !== 'size_iops_sec');
  return disk !== undefined && set.every(([name]) => name === 'total_bytes_sec');
}

function limitStep(uri: string, vm: ObservedVm, use: Use, share: number): Step {
  const limit = Math.max(MIB, Math.ceil((meanBytes(use) * share) / MIB) * MIB);
  return virshStep(uri, vm, 'blkdeviotune', use.target, '--total-bytes-sec', String(limit), '--live');
}

/** A disk that its own limit makes slow. */
function diskLimit(use: Use, uses: readonly Use[], slow: readonly Use[], context: Context): Advice {
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
  const keep: Remedy = {
    change: 'keep the limit: it does what it was set for',
    steps: [],
    cost: 'none',
    payers: [],
    gain: 'none',
    risk: 'none',
    effect: 'nothing changes',
  };
  if (!isCalm || limits.length === 0) return [keep];
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
    cost: `up to ${bytes(series.bytes.mean ?? 0)}/s more for the storage, which ${sharers} VMs use`,
    payers: [],
    gain: 'unknown: what the guest would ask for without the limit is not measured',
    risk: 'a limit may be what was sold, or what keeps the storage calm: ask who set it',
    effect: 'live',
  };
  return isBatch(vm) ? [keep, raise] : [raise, keep];
}

const meanBytes = ({ series }: Use): number => series.bytes.mean ?? 0;
const bytesOf = (uses: readonly Use[]): number => uses.reduce((sum, use) => sum + meanBytes(use), 0);

function latencyText({ series, target }: Use): string {
  return `${target} ${milliseconds(series.latencyMs.median ?? series.flushLatencyMs.median ?? 0)} ms`;
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

/** A VM with a request under way all the time loses all its time. */
function harmOf(slow: readonly Use[]): number {
  const byVm = Map.groupBy(slow, ({ vm }) => vm);
  return [...byVm.values()].reduce(
    (sum, uses) =>
      sum +
      Math.min(
        1,
        uses.reduce((all, { series }) => all + (series.inFlight.median ?? 0), 0),
      ),
    0,
  );
}
