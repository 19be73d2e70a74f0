import { CpuSet } from '../../../model/cpu-set.ts';
import { type Draft, draft, type Knob, type KnobContext, knob, numberText } from '../knob.ts';
import { ioThreadCount } from '../policy.ts';
import { orDefault, text, type ValueKind, whole } from '../values.ts';

const each = ({ ioThreads }: KnobContext, setting: string, value: string | undefined): Draft[] =>
  ioThreads.map((id) => draft(setting, String(id), value));

function pollKnob(id: string, setting: string, help: string, value: ValueKind<number | undefined>): Knob {
  return knob({
    id,
    group: 'iothreads',
    help,
    value,
    settings: [setting],
    drafts: (context, wanted) => each(context, setting, numberText(wanted)),
  });
}

export const ioThreadKnobs: readonly Knob[] = [
  knob({
    id: 'iothread.count',
    group: 'iothreads',
    help: 'Threads that serve disks outside the main loop of QEMU. At most one per disk, unless disk.iothread maps the queues of each disk to all of them.',
    value: ioThreadCount,
    settings: ['iothreads'],
    drafts: ({ ioThreads }) => [
      draft('iothreads', '', ioThreads.length === 0 ? undefined : CpuSet.of(ioThreads).toString()),
    ],
  }),
  pollKnob(
    'iothread.pollMax',
    'iothread.poll.max',
    'Maximum polling time of an iothread before it sleeps, ns; 0 disables polling, the default of QEMU is 32768. Stored in the definition since libvirt 9.4; before, it is lost when the domain stops.',
    orDefault(whole({ max: 1_000_000_000 })),
  ),
  pollKnob(
    'iothread.pollGrow',
    'iothread.poll.grow',
    'Growth factor of the polling time when it was too short; 0 means 2.',
    orDefault(whole({ max: 1_000_000 })),
  ),
  pollKnob(
    'iothread.pollShrink',
    'iothread.poll.shrink',
    'Shrink divisor of the polling time when it was too long; 0 resets the polling time to 0.',
    orDefault(whole({ max: 1_000_000 })),
  ),
  knob({
    id: 'iothread.pool',
    group: 'iothreads',
    help: 'Worker threads of an iothread for `io: threads`, minimum and maximum.',
    value: orDefault(
      text('minimum and maximum, `0-16`', (raw) => {
        const [, min, max] = /^(0|[1-9]\d{0,3})-([1-9]\d{0,3})$/.exec(raw) ?? [];
        return min !== undefined && Number(min) <= Number(max);
      }),
    ),
    settings: ['iothread.pool'],
    drafts: (context, pool) => each(context, 'iothread.pool', pool),
  }),
];
