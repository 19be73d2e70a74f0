import type { Disk } from '../../model/domain/disks.ts';
import { count } from '../../model/format.ts';
import type { Advice, Remedy } from '../advice.ts';
import { nameFor, refOf, virsh, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf, isLasting, medianOf } from '../evidence.ts';
import { findOut } from '../no-change.ts';
import type { ObservedVm } from '../observation.ts';

const CHAIN_MAX = 3;
const SNAPSHOT_AGE_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;
const MERGE = ['--active', '--pivot', '--verbose'] as const;

/** Disks whose reads may traverse many images. */
export function deepChains({ observation, running, uri }: Context): Advice[] {
  // Counted once, lazily: a host may have thousands of disks.
  let counted: ReadonlyMap<string, number> | undefined;
  return running.flatMap((vm) => {
    const deep = (vm.facts?.disks ?? []).filter(({ backingDepth }) => backingDepth > CHAIN_MAX);
    if (deep.length === 0) return [];
    counted ??= usesOfImages(observation.vms);
    const deepest = Math.max(...deep.map(({ backingDepth }) => backingDepth));
    return [
      {
        kind: 'backing-chain-deep',
        id: `backing-chain-deep:${vm.uuid.slice(0, 8)}`,
        severity: 'warn',
        title: `the backing chain of ${deep.map(({ target }) => target).join(', ')} is deep: a read may traverse the whole chain`,
        victims: [{ ...refOf(vm), evidence: `${deepest} backing images` }],
        evidence: [factOf('backing images', deepest)],
        cause: 'external snapshots, or a backup that did not remove its snapshots',
        culprits: [],
        remedies: [mergeOf(vm, deep, counted, uri)],
        harm: 0,
      },
    ];
  });
}

/** Merges each chain into the lowest image that only this disk uses. */
function mergeOf(
  vm: ObservedVm,
  deep: readonly Disk[],
  uses: ReadonlyMap<string, number>,
  uri: string,
): Remedy {
  const isBusy = vm.sample.extras?.job?.active === true;
  const bases = deep.flatMap((disk) => {
    const base = baseOf(disk, uses);
    return base === undefined ? [] : [{ disk, base }];
  });
  const byHand = deep.filter((disk) => !bases.some((each) => each.disk === disk));
  return {
    change: isBusy
      ? 'merge the images once the running job has ended'
      : [
          ...(bases.length === 0 ? [] : ['merge the images into the lowest one that no other disk uses']),
          ...(byHand.length === 0
            ? []
            : [
                `merge the images of ${byHand.map(({ target }) => target).join(', ')} by hand: it is unknown which of them no other disk uses`,
              ]),
        ].join('; '),
    steps: isBusy
      ? []
      : bases.map(({ disk, base }) =>
          virshStep(uri, vm, 'blockcommit', disk.target, '--base', base, ...MERGE),
        ),
    cost: 'it reads and writes all data of the images: other VMs on the storage are slower until it ends',
    payers: [],
    gain: 'unknown: it depends on how many reads reach lower images',
    risk: 'snapshots of these images can no longer be reverted to. A VM whose disk is based on one of them is corrupted, and VMs that are shut off or on other hosts are not visible here: check their images with qemu-img info --backing-chain',
    effect: 'live',
  };
}

/** Number of disks that use an image, by its name, as top image or below. */
function usesOfImages(vms: readonly ObservedVm[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { source, backing = [] } of vms.flatMap(({ facts }) => facts?.disks ?? []))
    for (const image of [source, ...backing])
      if (image !== undefined) uses.set(image.name, (uses.get(image.name) ?? 0) + 1);
  return uses;
}

/**
 * The image that a merge may write to: above the lowest, which is often a template of VMs that are not seen here, and
 * above every image that other disks use. Undefined where there is none, or where libvirt could not find it by a path.
 */
function baseOf({ backing = [] }: Disk, uses: ReadonlyMap<string, number>): string | undefined {
  const aboveLowest = backing.slice(0, -1);
  const firstShared = aboveLowest.findIndex(({ name }) => (uses.get(name) ?? 0) > 1);
  const base = aboveLowest.slice(0, firstShared === -1 ? undefined : firstShared).at(-1);
  return base?.name.startsWith('/') === true ? base.name : undefined;
}

/** VMs with old snapshots that were meant to be temporary. */
export function oldSnapshots({ observation, uri }: Context): Advice[] {
  return observation.vms.flatMap((vm) => {
    const { count: snapshots, oldestAtSeconds } = vm.sample.extras?.snapshots ?? {};
    if (oldestAtSeconds === undefined || observation.toMs - oldestAtSeconds * 1_000 < SNAPSHOT_AGE_MS)
      return [];
    const days = Math.floor((observation.toMs - oldestAtSeconds * 1_000) / DAY_MS);
    return [
      {
        kind: 'snapshot-old',
        id: `snapshot-old:${vm.uuid.slice(0, 8)}`,
        severity: 'info',
        title: 'it has an old snapshot, which grows with every write',
        victims: [
          {
            ...refOf(vm),
            evidence:
              snapshots === 1
                ? `1 snapshot, ${days} days old`
                : `${snapshots} snapshots, the oldest ${days} days old`,
          },
        ],
        evidence: [factOf('age of the oldest snapshot', days, 'days')],
        cause: 'a snapshot that was not deleted',
        culprits: [],
        remedies: [
          {
            change: 'list its snapshots, and delete those no longer needed',
            steps: [virshStep(uri, vm, 'snapshot-list')],
            cost: 'deleting merges data: the storage is busy until it ends',
            payers: [],
            gain: 'free space on the storage',
            risk: 'a deleted snapshot cannot be reverted to',
            effect: 'live',
          },
        ],
        harm: 0,
      },
    ];
  });
}

/** Disks with failed requests. */
export function diskErrors({ running, uri, minSamples, observation }: Context): Advice[] {
  return running.flatMap((vm) => {
    // One failed request is too many, so the errors need not last for the whole window.
    const failing = [...vm.disks].filter(
      ([, { errors }]) => errors.count >= minSamples && (errors.max ?? 0) > 0,
    );
    if (failing.length === 0) return [];
    const [first] = failing;
    return [
      {
        kind: 'disk-errors',
        id: `disk-errors:${vm.uuid.slice(0, 8)}`,
        severity: 'bad',
        title: `failed requests on ${failing.map(([target]) => target).join(', ')}`,
        victims: [
          {
            ...refOf(vm),
            evidence: failing
              .map(([target, { errors }]) => `${target} ${count(errors.median ?? 0)} errors/s`)
              .join(', '),
          },
        ],
        evidence:
          first === undefined
            ? []
            : medianOf('failed requests', first[1].errors, { unit: 'errors/s', limit: 0, over: observation }),
        cause: 'the storage below returns errors',
        culprits: [],
        remedies: [
          {
            ...findOut("look for the cause in the host's kernel log and its storage"),
            steps: [{ argv: virsh(uri, 'domblkerror', nameFor(refOf(vm))), vm: refOf(vm) }],
          },
        ],
        harm: failing.some(([, { errors }]) => isLasting(errors, 0, minSamples)) ? 1 : 0.5,
      },
    ];
  });
}
