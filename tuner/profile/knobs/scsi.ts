import { CpuSet } from '../../../model/cpu-set.ts';
import { canMapScsiQueues } from '../io-threads.ts';
import { cleared, type Draft, draft, type Knob, type KnobContext, knob, plainKnob } from '../knob.ts';
import { diskIoThread } from '../policy.ts';
import { count, figureValue, orDefault } from '../values.ts';

/** Assigns iothreads to controllers round-robin; a single iothread serves all. */
function ioThreadDrafts(
  { targets, ioThreads, host, root }: KnobContext,
  how: 'spread' | 'mapped' | 'auto' | 'none',
): Draft[] {
  const none = how === 'none' || ioThreads.length === 0;
  const mapped = !none && (how === 'mapped' || (how === 'auto' && canMapScsiQueues(host)));
  return targets.flatMap((target, index) =>
    mapped
      ? [
          ...cleared(root, 'scsi.iothread', target),
          draft('scsi.iothreads', target, CpuSet.of(ioThreads).toString()),
        ]
      : [
          ...cleared(root, 'scsi.iothreads', target),
          draft('scsi.iothread', target, none ? undefined : String(ioThreads[index % ioThreads.length])),
        ],
  );
}

export const scsiKnobs: readonly Knob[] = [
  plainKnob({
    id: 'scsi.queues',
    group: 'disks',
    on: 'controller',
    help: 'Request queues of a virtio-scsi controller, shared by its disks; default since QEMU 5.2: one per vCPU.',
    value: orDefault(count({ min: 1, max: 256 })),
    canonical: (figure, { subjects }) => figureValue(figure, subjects),
  }),
  knob({
    id: 'scsi.iothread',
    group: 'disks',
    on: 'controller',
    help: 'Iothread of a virtio-scsi controller: `spread` assigns one to each controller in turn, `mapped` distributes its queues over all iothreads (libvirt 11.2 and QEMU 10.0), `auto` uses mapped if supported, else spread.',
    value: diskIoThread,
    settings: ['scsi.iothread', 'scsi.iothreads'],
    drafts: ioThreadDrafts,
  }),
];
