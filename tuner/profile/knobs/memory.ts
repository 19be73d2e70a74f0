import { CpuSet } from '../../../model/cpu-set.ts';
import { sizeText } from '../../settings/values.ts';
import { type Draft, draft, type Knob, type KnobContext, knob, plainKnob } from '../knob.ts';
import { pages } from '../policy.ts';
import { evaluate, type Figure } from '../rule.ts';
import { choice, onOff, orDefault, size, whole } from '../values.ts';
import { state } from './cpu.ts';

const sizeOf = (figure: Figure | undefined, { subjects }: KnobContext): string | undefined =>
  figure === undefined ? undefined : sizeText(evaluate(figure, subjects));
const flag = (on: boolean): string | undefined => (on ? 'yes' : undefined);
const number = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

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
    help: "Hugepages that memory comes from. `largest`: 1 GiB where memory is whole in it and the host has a pool that holds it, else 2 MiB. `default`: the host's usual pages, with transparent hugepages where they are on.",
    value: pages,
    settings: ['hugepages'],
    drafts: pageDrafts,
  }),
  plainKnob({
    id: 'memory.allocation',
    group: 'memory',
    help: 'Whether memory is taken from the host at the start, or when the guest first touches it.',
    value: orDefault(choice('immediate', 'ondemand')),
    canonical: (mode) => mode,
  }),
  plainKnob({
    id: 'memory.locked',
    setting: 'locked',
    group: 'memory',
    help: 'Memory is never swapped out. Takes the limit of locked memory off QEMU, so it needs memory.hardLimit.',
    value: onOff,
    canonical: flag,
  }),
  plainKnob({
    id: 'memory.nosharepages',
    setting: 'nosharepages',
    group: 'memory',
    help: 'Memory is never merged with that of others by KSM.',
    value: onOff,
    canonical: flag,
  }),
  plainKnob({
    id: 'memory.swapHardLimit',
    setting: 'memtune.swapHardLimit',
    group: 'memory',
    help: 'Most memory and swap together of the whole QEMU process.',
    value: orDefault(size),
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'memory.hardLimit',
    setting: 'memtune.hardLimit',
    group: 'memory',
    help: 'Most memory of the whole QEMU process, and most that it may lock. The kernel kills it when it needs more.',
    value: orDefault(size),
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'memory.softLimit',
    setting: 'memtune.softLimit',
    group: 'memory',
    help: 'Memory that the QEMU process keeps when the host is short of it.',
    value: orDefault(size),
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'balloon.model',
    group: 'memory',
    help: 'The device through which the host takes memory back and sees what the guest does with it; `none` for no such device.',
    value: choice('virtio', 'none'),
    canonical: (model) => model,
  }),
  plainKnob({
    id: 'balloon.size',
    setting: 'memory.current',
    group: 'memory',
    help: 'What the balloon leaves to the guest: `= memory` is all of it.',
    value: size,
    canonical: sizeOf,
  }),
  plainKnob({
    id: 'balloon.statsPeriod',
    group: 'memory',
    help: "Seconds between the guest's reports of its memory. Without it most figures of its memory are not there.",
    value: orDefault(whole({ least: 1, most: 3_600 })),
    canonical: number,
  }),
  plainKnob({
    id: 'balloon.freePageReporting',
    group: 'memory',
    help: 'Pages that the guest has freed go back to the host.',
    value: orDefault(onOff),
    canonical: state,
  }),
  plainKnob({
    id: 'balloon.autodeflate',
    group: 'memory',
    help: 'The balloon gives memory back before the guest kills a process for it.',
    value: orDefault(onOff),
    canonical: state,
  }),
];
