import { CpuSet } from '../../../model/cpu-set.ts';
import { type Draft, draft, type Knob, type KnobContext, knob } from '../knob.ts';
import { ioThreadCount } from '../policy.ts';
import { orDefault, text, type ValueKind, whole } from '../values.ts';

const number = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

const each = ({ ioThreads }: KnobContext, setting: string, value: string | undefined): Draft[] =>
  ioThreads.map((id) => draft(setting, String(id), value));

function pollKnob(id: string, setting: string, help: string, value: ValueKind<number | undefined>): Knob {
  return knob({
    id,
    group: 'iothreads',
    help,
    value,
    settings: [setting],
    drafts: (context, wanted) => each(context, setting, number(wanted)),
  });
}

export const ioThreadKnobs: readonly Knob[] = [
  knob({
    id: 'iothread.count',
    group: 'iothreads',
    help: "Threads that do disks' I/O aside from QEMU's main loop. Never more than there are disks for them, unless disk.iothread maps each disk's queues to all of them.",
    value: ioThreadCount,
    settings: ['iothreads'],
    drafts: ({ ioThreads }) => [
      draft('iothreads', '', ioThreads.length === 0 ? undefined : CpuSet.of(ioThreads).toString()),
    ],
  }),
  pollKnob(
    'iothread.pollMax',
    'iothread.poll.max',
    "Nanoseconds that an iothread polls for work before it sleeps; 0 switches polling off, and QEMU's own is 32768. Kept in the definition from libvirt 9.4 on; before that it is lost with each stop.",
    orDefault(whole({ most: 1_000_000_000 })),
  ),
  pollKnob(
    'iothread.pollGrow',
    'iothread.poll.grow',
    'Factor by which the polling time grows when it was too short; 0 is 2.',
    orDefault(whole({ most: 1_000_000 })),
  ),
  pollKnob(
    'iothread.pollShrink',
    'iothread.poll.shrink',
    'Divisor by which the polling time shrinks when it was too long; 0 ends polling at once.',
    orDefault(whole({ most: 1_000_000 })),
  ),
  knob({
    id: 'iothread.pool',
    group: 'iothreads',
    help: 'Fewest and most worker threads of an iothread, for `io: threads`.',
    value: orDefault(
      text('fewest and most, `0-16`', (raw) => {
        const [, least, most] = /^(0|[1-9]\d{0,3})-([1-9]\d{0,3})$/.exec(raw) ?? [];
        return least !== undefined && Number(least) <= Number(most);
      }),
    ),
    settings: ['iothread.pool'],
    drafts: (context, pool) => each(context, 'iothread.pool', pool),
  }),
];
