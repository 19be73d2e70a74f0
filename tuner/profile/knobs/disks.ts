import { CpuSet } from '../../../model/cpu-set.ts';
import { iotuneSettings } from '../../settings/iotune.ts';
import { autoDiscard, autoIo } from '../disk-judgement.ts';
import { mapsQueues } from '../io-threads.ts';
import {
  asIs,
  cleared,
  type Draft,
  draft,
  type Knob,
  type KnobContext,
  knob,
  numberText,
  plainKnob,
} from '../knob.ts';
import { diskCache, diskIoThread } from '../policy.ts';
import { ascending, choice, count, figureValue, orDefault, text, whole } from '../values.ts';

/** The list format of the statistics settings: `1, 60`. */
const listText = (values: readonly number[] | undefined): string | undefined => values?.join(', ');

/** Assigns iothreads to disks round-robin; a single iothread serves all. */
function ioThreadDrafts(context: KnobContext, how: 'spread' | 'mapped' | 'auto' | 'none'): Draft[] {
  const { targets, ioThreads, policy, host, root } = context;
  const mapped = how === 'mapped' || (how === 'auto' && mapsQueues(policy, host));
  const all = CpuSet.of(ioThreads).toString();
  return targets.flatMap((target, index) => {
    const one =
      how === 'none' || ioThreads.length === 0 ? undefined : String(ioThreads[index % ioThreads.length]);
    return mapped
      ? [
          draft('disk.iothread', target, undefined),
          draft('disk.iothreads', target, all === '' ? undefined : all),
        ]
      : [...cleared(root, 'disk.iothreads', target), draft('disk.iothread', target, one)];
  });
}

/** One knob per limit, named like its setting. */
const iotuneKnobs: readonly Knob[] = iotuneSettings
  .filter(({ id }) => id !== 'disk.iotune.group')
  .map(({ id, title }) =>
    plainKnob({
      id,
      group: 'disks',
      on: 'disk',
      help: `${title.charAt(0).toUpperCase()}${title.slice(1)}.`,
      value: orDefault(whole({ min: 1 })),
      canonical: numberText,
    }),
  );

export const diskKnobs: readonly Knob[] = [
  plainKnob({
    id: 'disk.bus',
    group: 'disks',
    on: 'disk',
    help: 'Disk bus that the guest sees. Only proposed: a guest without the driver cannot boot from it.',
    value: choice('virtio'),
    canonical: asIs,
    proposal:
      'the guest needs the virtio-blk driver at boot (in its initramfs; on Windows from the virtio-win package), and must not refer to disks by device path',
  }),
  plainKnob({
    id: 'disk.cache',
    group: 'disks',
    on: 'disk',
    help: 'Disk cache mode: `none` and `directsync` bypass the page cache of the host (O_DIRECT); `directsync` and `writethrough` flush every write; `unsafe` loses data if the host crashes.',
    value: diskCache,
    canonical: asIs,
  }),
  knob({
    id: 'disk.io',
    group: 'disks',
    on: 'disk',
    help: 'Disk I/O mode of QEMU: `native` (Linux AIO) needs cache mode none or directsync, and blocks on images that are not preallocated; `io_uring` does not; `threads` works everywhere. `auto`: native for block devices and preallocated raw images without page cache, else io_uring if QEMU and the kernel support it, else threads.',
    value: orDefault(choice('native', 'threads', 'io_uring', 'auto')),
    settings: ['disk.io'],
    drafts: (context, io) =>
      context.targets.flatMap((target) => {
        const wanted = io === 'auto' ? autoIo(context, target) : io;
        return wanted === 'none' ? [] : [draft('disk.io', target, wanted)];
      }),
  }),
  knob({
    id: 'disk.discard',
    group: 'disks',
    on: 'disk',
    help: 'Discard mode: whether blocks that the guest discards return to the storage. `auto`: `ignore` for preallocated raw images, which would get holes, else `unmap`.',
    value: orDefault(choice('unmap', 'ignore', 'auto')),
    settings: ['disk.discard'],
    drafts: (context, discard) =>
      context.targets.map((target) =>
        draft('disk.discard', target, discard === 'auto' ? autoDiscard(context, target) : discard),
      ),
  }),
  plainKnob({
    id: 'disk.detectZeroes',
    group: 'disks',
    on: 'disk',
    help: 'Detection of written zeroes; `unmap` discards them. Costs CPU time for each byte written.',
    value: orDefault(choice('off', 'on', 'unmap')),
    canonical: asIs,
  }),
  plainKnob({
    id: 'disk.queues',
    group: 'disks',
    on: 'disk',
    help: 'Queues of a virtio-blk disk; default since QEMU 5.2: one per vCPU.',
    value: orDefault(count({ min: 1, max: 256 })),
    canonical: (figure, { subjects }) => figureValue(figure, subjects),
  }),
  plainKnob({
    id: 'disk.queueSize',
    group: 'disks',
    on: 'disk',
    help: 'Queue size of a virtio-blk disk, requests.',
    value: orDefault(whole({ min: 4, max: 1_024, power: true })),
    canonical: numberText,
  }),
  knob({
    id: 'disk.iothread',
    group: 'disks',
    on: 'disk',
    help: 'Iothread of a virtio-blk disk: `spread` assigns one to each disk in turn, `mapped` distributes the queues of each disk over all iothreads (libvirt 10.0 and QEMU 9.0), `auto` uses mapped if supported, else spread.',
    value: diskIoThread,
    settings: ['disk.iothread', 'disk.iothreads'],
    drafts: ioThreadDrafts,
  }),
  plainKnob({
    id: 'disk.statisticsIntervals',
    group: 'disks',
    on: 'disk',
    help: 'Windows in which QEMU measures request latency and queue depth, seconds: virtune exports minimum, maximum and average of each (libvirt 11.10 and QEMU 10.2).',
    value: orDefault(ascending({ min: 1, max: 86_400, items: 8 })),
    canonical: listText,
  }),
  plainKnob({
    id: 'disk.latencyBins',
    group: 'disks',
    on: 'disk',
    help: 'Boundaries between the bins of latency histograms of reads, writes, flushes and zone appends, ns (libvirt 12.1).',
    value: orDefault(ascending({ min: 1, max: 60_000_000_000, items: 32 })),
    canonical: listText,
  }),
  ...iotuneKnobs,
  plainKnob({
    id: 'disk.iotune.group',
    group: 'disks',
    on: 'disk',
    help: 'Group of disks that share their limits.',
    value: orDefault(
      text('a name of letters, digits and `. _ -`', (raw) => /^[A-Za-z0-9._-]{1,64}$/.test(raw)),
    ),
    canonical: asIs,
  }),
  plainKnob({
    id: 'blkio.weight',
    group: 'disks',
    help: 'I/O weight relative to other domains, if the I/O scheduler of the host supports it.',
    value: orDefault(whole({ min: 10, max: 1_000 })),
    canonical: numberText,
  }),
];
