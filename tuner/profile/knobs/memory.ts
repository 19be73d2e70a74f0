import { CpuSet } from '../../../model/cpu-set.ts';
import { sizeText } from '../../settings/values.ts';
import { type Draft, draft, type Knob, type KnobContext, knob, numberText, plainKnob } from '../knob.ts';
import { pages } from '../policy.ts';
import { evaluate, type Figure } from '../rule.ts';
import { choice, onOff, orDefault, size, whole } from '../values.ts';
import { state } from './cpu.ts';

const sizeOf = (figure: Figure | undefined, { subjects }: KnobContext): string | undefined =>
  figure === undefined ? undefined : sizeText(evaluate(figure, subjects));
const flag = (on: boolean): string | undefined => (on ? 'yes' : undefined);

function pageDrafts({ shape }: KnobContext, wanted: 'largest' | 'default' | readonly number[]): Draft[] {
  if (wanted === 'default') return [draft('hugepages', '', undefined)];
  const sizes = shape.cells.map(({ pageKiB }) => sizeText(pageKiB ?? 0));
  const [first] = sizes;
  if (sizes.every((each) => each === first)) return [draft('hugepages', '', first)];
  const cellsOf = (of: string): number[] => sizes.flatMap((each, id) => (each === of ? [id] : []));
  const value = [...new Set(sizes)].map((each) => `${each} on ${listText(cellsOf(each))}`).join(', ');
  return [draft('hugepages', '', value)];
}

function listText(ids: readonly number[]): string {
  return CpuSet.of(ids).toString();
}

export const memoryKnobs: readonly Knob[] = [
  knob({
    id: 'memory.pages',
    group: 'memory',
    help: 'Huge page size of memory. `largest`: 1 GiB if memory is a multiple of it and the host has a large enough pool, else 2 MiB. `default`: normal pages of the host, with transparent huge pages if they are enabled.',
    value: pages,
    settings: ['hugepages'],
    drafts: pageDrafts,
  }),
  plainKnob({
    id: 'memory.allocation',
    group: 'memory',
    help: 'Memory allocation mode: at start (`immediate`), or when the guest first accesses the memory (`ondemand`).',
    value: orDefault(choice('immediate', 'ondemand')),
    canonical: (mode) => mode,
  }),
  plainKnob({
    id: 'memory.locked',
    setting: 'locked',
    group: 'memory',
    help: 'Locked memory, which is never swapped out. Lifts the limit on locked memory of QEMU, so it needs memory.hardLimit.',
    value: onOff,
    canonical: flag,
  }),
  plainKnob({
    id: 'memory.nosharepages',
    setting: 'nosharepages',
    group: 'memory',
    help: 'Exclusion from KSM merging.',
    value: onOff,
    canonical: flag,
  }),
  plainKnob({
    id: 'memory.swapHardLimit',
    setting: 'memtune.swapHardLimit',
    group: 'memory',
    help: 'Limit of memory plus swap of the QEMU process.',
    value: orDefault(size),
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'memory.hardLimit',
    setting: 'memtune.hardLimit',
    group: 'memory',
    help: 'Memory limit of the QEMU process, also for locked memory. The kernel kills the process if it needs more.',
    value: orDefault(size),
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'memory.softLimit',
    setting: 'memtune.softLimit',
    group: 'memory',
    help: 'Soft memory limit of the QEMU process: memory that it keeps when the host is short of memory.',
    value: orDefault(size),
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'balloon.model',
    group: 'memory',
    help: 'Balloon device, through which the host reclaims memory and reads memory statistics of the guest; `none` removes it.',
    value: choice('virtio', 'none'),
    canonical: (model) => model,
  }),
  plainKnob({
    id: 'balloon.size',
    setting: 'memory.current',
    group: 'memory',
    help: 'Balloon size: memory that the balloon leaves to the guest; `= memory` leaves all of it.',
    value: size,
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'balloon.statsPeriod',
    group: 'memory',
    help: 'Memory statistics period, seconds. Without it, most memory figures of the guest are missing.',
    value: orDefault(whole({ min: 1, max: 3_600 })),
    canonical: numberText,
  }),
  plainKnob({
    id: 'balloon.freePageReporting',
    group: 'memory',
    help: 'Free page reporting: pages that the guest frees return to the host.',
    value: orDefault(onOff),
    canonical: state,
  }),
  plainKnob({
    id: 'balloon.autodeflate',
    group: 'memory',
    help: 'Balloon deflation when the guest runs out of memory, before it kills a process.',
    value: orDefault(onOff),
    canonical: state,
  }),
];
