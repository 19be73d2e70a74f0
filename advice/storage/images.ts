import { count } from '../../model/format.ts';
import type { Advice } from '../advice.ts';
import { nameFor, refOf, virsh, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf, isLasting, medianOf } from '../evidence.ts';

const CHAIN_MAX = 3;
const SNAPSHOT_AGE_MS = 7 * 86_400_000;
const DAY_MS = 86_400_000;

/** Disks whose reads may go through many images. */
export function deepChains({ running, uri }: Context): Advice[] {
  return running.flatMap((vm) => {
    const deep = (vm.facts?.disks ?? []).filter(({ backingDepth }) => backingDepth > CHAIN_MAX);
    if (deep.length === 0) return [];
    const isBusy = vm.sample.extras?.job?.active === true;
    const deepest = Math.max(...deep.map(({ backingDepth }) => backingDepth));
    return [
      {
        kind: 'backing-chain-deep',
        id: `backing-chain-deep:${vm.uuid.slice(0, 8)}`,
        severity: 'warn',
        title: `the backing chain of ${deep.map(({ target }) => target).join(', ')} is deep: a read may go through all of it`,
        victims: [{ ...refOf(vm), evidence: `${deepest} backing images` }],
        evidence: [factOf('backing images', deepest)],
        cause: 'external snapshots, or a backup that did not remove what it made',
        culprits: [],
        remedies: [
          {
            change: isBusy
              ? 'merge the images once the job that runs now has ended'
              : 'merge the images into the lowest one',
            steps: isBusy
              ? []
              : deep.map(({ target }) =>
                  virshStep(uri, vm, 'blockcommit', target, '--active', '--pivot', '--verbose'),
                ),
            cost: 'it reads and writes all that the images contain: other VMs on the storage are slower until it ends',
            payers: [],
            gain: 'unknown: it depends on how many reads reach lower images',
            risk: 'snapshots of these images can no longer be reverted to; a lowest image that other VMs share must not be written to: check it with virsh domblklist and qemu-img info --backing-chain',
            effect: 'live',
          },
        ],
        harm: 0,
      },
    ];
  });
}

/** VMs with snapshots that were meant for a day. */
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
            change: 'list its snapshots, and delete those that no one needs',
            steps: [virshStep(uri, vm, 'snapshot-list')],
            cost: 'deleting merges data: the storage is busy until it ends',
            payers: [],
            gain: 'space of the storage',
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
    // One failed request is one too many: the window need not be full of them.
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
            change: "look for the cause in the host's kernel log and its storage",
            steps: [{ argv: virsh(uri, 'domblkerror', nameFor(refOf(vm))), vm: refOf(vm) }],
            cost: 'none',
            payers: [],
            gain: 'unknown',
            risk: 'none',
            effect: 'nothing changes',
          },
        ],
        harm: failing.some(([, { errors }]) => isLasting(errors, 0, minSamples)) ? 1 : 0.5,
      },
    ];
  });
}
