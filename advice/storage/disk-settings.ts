import { ioThreadsOf } from '../../model/domain/disks.ts';
import { count } from '../../model/format.ts';
import type { Advice, AdviceKind } from '../advice.ts';
import { isDatabase } from '../behaviour.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf, isLasting, medianOf } from '../evidence.ts';
import { profileFor, profileRemedy } from '../profile-remedy.ts';
import { type Use, usesOf } from './uses.ts';

/** Requests per second from which the settings of a disk matter. */
const HOT = 200;
/** Share of a VM's requests from which a disk matters. */
const MATTERS = 0.25;
/** Requests per second from which QEMU's main loop, shared with other devices, is a bottleneck. */
const HOT_FOR_MAIN_LOOP = 500;

/** The first matching rule explains a disk, since every profile sets all of these. */
interface Rule {
  readonly kind: AdviceKind;
  readonly matches: (use: Use, minSamples: number) => boolean;
  readonly title: (target: string) => string;
  readonly cause: string;
  readonly gain: string;
}

const RULES: readonly Rule[] = [
  {
    kind: 'disk-cache-mode',
    matches: ({ vm, disk, series }, minSamples) =>
      isDatabase(vm) &&
      isHot(series.requests, HOT, minSamples) &&
      (disk?.cache === undefined || disk.cache === 'writeback' || disk.cache === 'writethrough'),
    title: (target) => `${target} of a database goes through the page cache of the host`,
    cause:
      "QEMU's default cache mode keeps every block twice, and a flush has to empty the page cache of the host first",
    gain: 'flushes and reads are faster, and host memory is free; by how much depends on the storage',
  },
  {
    kind: 'disk-io-mode',
    matches: ({ vm, disk, series }, minSamples) =>
      isDatabase(vm) &&
      isHot(series.requests, HOT, minSamples) &&
      disk?.format === 'raw' &&
      (disk.cache === 'none' || disk.cache === 'directsync') &&
      (disk.io === undefined || disk.io === 'threads'),
    title: (target) => `${target} of a database is a raw disk with io=threads`,
    cause: "QEMU's default sends each request through a pool of threads",
    gain: 'a few per cent lower request latency; judgement, after QEMU 9 manual, -blockdev aio',
  },
  {
    kind: 'iothread-missing',
    matches: ({ disk, series }, minSamples) =>
      disk?.bus === 'virtio' &&
      ioThreadsOf(disk).length === 0 &&
      isHot(series.requests, HOT_FOR_MAIN_LOOP, minSamples),
    title: (target) => `${target} is busy and has no iothread`,
    cause: "it shares QEMU's main loop with all other devices of the VM",
    gain: 'less latency where the main loop is busy; not measured here',
  },
];

const isHot = (requests: Use['series']['requests'], limit: number, minSamples: number): boolean =>
  isLasting(requests, limit - 1, minSamples);

/** The system disk of a database matters less than the disk with its tables. */
function matters({ vm, series }: Use): boolean {
  const all = [...vm.disks.values()].reduce((sum, { requests }) => sum + (requests.median ?? 0), 0);
  return (series.requests.median ?? 0) >= MATTERS * all;
}

/** Settings of busy disks, one advice per VM and cause. */
export function diskSettings(context: Context): Advice[] {
  const disks = usesOf(context).filter((use) => use.disk?.device === 'disk' && matters(use));
  return [...Map.groupBy(disks, ({ vm }) => vm)].flatMap(([vm, uses]) => {
    for (const rule of RULES) {
      const use = uses.find((each) => rule.matches(each, context.minSamples));
      if (use === undefined) continue;
      return [
        {
          kind: rule.kind,
          id: `${rule.kind}:${vm.uuid.slice(0, 8)}`,
          severity: rule.kind === 'disk-cache-mode' ? ('warn' as const) : ('info' as const),
          title: rule.title(use.target),
          victims: [
            { ...refOf(vm), evidence: `${use.target} ${count(use.series.requests.median ?? 0)} requests/s` },
          ],
          evidence: medianOf('requests', use.series.requests, {
            unit: 'requests/s',
            over: context.observation,
          }),
          cause: rule.cause,
          culprits: [],
          remedies: [profileRemedy(context, vm, profileFor(vm), rule.gain)],
          harm: 0,
        },
      ];
    }
    return [];
  });
}

/** Disks that ignore flushes, busy or not. */
export function unsafeCache(context: Context): Advice[] {
  return context.running.flatMap((vm) => {
    const disks = (vm.facts?.disks ?? []).filter(({ cache, readOnly }) => cache === 'unsafe' && !readOnly);
    if (disks.length === 0) return [];
    const targets = disks.map(({ target }) => target).join(', ');
    return [
      {
        kind: 'disk-cache-unsafe',
        id: `disk-cache-unsafe:${vm.uuid.slice(0, 8)}`,
        severity: 'warn',
        title: `${targets} ignores flushes: a crash of the host loses data that the guest considers written`,
        victims: [{ ...refOf(vm), evidence: `cache=unsafe on ${targets}` }],
        evidence: [factOf('disks with cache=unsafe', disks.length)],
        cause: 'cache=unsafe, which is meant for installations that can be repeated',
        culprits: [],
        remedies: [
          profileRemedy(context, vm, profileFor(vm), 'a crash of the host loses no data that was flushed'),
        ],
        harm: 0,
      },
    ];
  });
}
