import { MEMORY_UNLIMITED_KIB } from '../../libvirt/constants.ts';
import { attr, child, children, type Element, sizeKiB } from '../../model/xml.ts';
import type { Step } from '../steps/step.ts';
import { hasNoBalloon } from './balloon.ts';
import { attributeSetting, custom, flagSetting } from './declare.ts';
import { append, ensurePath, putText, remove, removePath } from './edit.ts';
import { wholeParam } from './params.ts';
import type { LiveChange, Setting } from './setting.ts';
import { guestCellIds } from './targets.ts';
import { cpuList, cpuNumbers, elementSize, parseSize, sizeText } from './values.ts';

const HUGEPAGES = ['memoryBacking', 'hugepages'] as const;

/** `default`, `2 MiB`, or for cells that differ `1 GiB on 0-2, 2 MiB on 3`. */
const hugepages: Setting = {
  id: 'hugepages',
  title: 'huge page size of memory',
  on: 'domain',
  read: (domain) => {
    const element = child(domain, ...HUGEPAGES);
    if (element === undefined) return undefined;
    const pages = children(element, 'page').map((page) => ({
      size: sizeText(sizeKiB(attr(page, 'size'), attr(page, 'unit')) ?? 0),
      cells: attr(page, 'nodeset'),
    }));
    if (pages.length === 0) return 'default';
    const [first] = pages;
    const all = guestCellIds(domain);
    if (pages.length === 1 && first !== undefined) {
      if (first.cells === undefined || all.isSubsetOf(cpuNumbers(first.cells))) return first.size;
    }
    return pages
      .map(({ size, cells }) => ({ size, cells: cells ?? all.toString() }))
      .toSorted((a, b) => (cpuNumbers(a.cells).first ?? 0) - (cpuNumbers(b.cells).first ?? 0))
      .map(({ size, cells }) => `${size} on ${cpuList(cells) ?? ''}`)
      .join(', ');
  },
  write: (domain, _, value) => {
    if (value === undefined) {
      removePath(domain, HUGEPAGES);
      return;
    }
    const element = ensurePath(domain, HUGEPAGES);
    for (const page of children(element, 'page')) remove(page);
    if (value === 'default') return;
    for (const { sizeKiB: kib, cells } of parsePages(value)) {
      const page = append(element, 'page');
      page.setAttribute('size', String(kib));
      page.setAttribute('unit', 'KiB');
      if (cells !== undefined) page.setAttribute('nodeset', cells);
    }
  },
};

export interface PageSpec {
  readonly sizeKiB: number;
  /** Guest cells; absent: all of them. */
  readonly cells: string | undefined;
}

/** Parses a value of `hugepages` other than `default`. */
export function parsePages(value: string): PageSpec[] {
  return [...value.matchAll(/(\d+ [KMGT]iB)(?: on ([\d,-]*\d))?(?:, |$)/g)].map(([, size, cells]) => ({
    sizeKiB: parseSize(size ?? '') ?? 0,
    cells,
  }));
}

const allocation = attributeSetting({
  id: 'memory.allocation',
  title: 'memory allocation mode',
  on: 'domain',
  path: ['memoryBacking', 'allocation'],
  attribute: 'mode',
});

const locked = flagSetting({
  id: 'locked',
  title: 'locked memory, never swapped out',
  on: 'domain',
  path: ['memoryBacking', 'locked'],
});

const nosharepages = flagSetting({
  id: 'nosharepages',
  title: 'exclusion from KSM merging',
  on: 'domain',
  path: ['memoryBacking', 'nosharepages'],
});

/** Memory left to the guest by its balloon; all of it if not set. */
const current: Setting = {
  id: 'memory.current',
  title: 'balloon size',
  on: 'domain',
  // Requested from QEMU at the start; the guest's balloon driver returns memory minutes later, or never.
  isReachedLater: true,
  read: (domain) => elementSize(child(domain, 'currentMemory') ?? child(domain, 'memory')),
  write: (domain, _, value) => {
    const kib = value === undefined ? undefined : parseSize(value);
    putText(domain, ['currentMemory'], kib?.toString())?.setAttribute('unit', 'KiB');
  },
  live: ({ domain, to, live }) => {
    const kib = to === undefined ? undefined : parseSize(to);
    return kib === undefined || hasNoBalloon(live) ? undefined : [{ kind: 'balloonSize', domain, to: kib }];
  },
};

function limitSetting(id: string, title: string, element: string): Setting {
  return custom({
    id,
    title,
    on: 'domain',
    path: ['memtune', element],
    read: (found) => elementSize(found),
    write: (domain, value) => {
      const kib = value === undefined ? undefined : parseSize(value);
      putText(domain, ['memtune', element], kib?.toString())?.setAttribute('unit', 'KiB');
    },
    live: ({ domain, to }: LiveChange): Step[] => {
      const kib = String(parseSize(to ?? '') ?? MEMORY_UNLIMITED_KIB);
      return [{ kind: 'memoryLimits', domain, to: [wholeParam(element, 'ullong', kib)] }];
    },
  });
}

export const memorySettings = [
  hugepages,
  allocation,
  locked,
  nosharepages,
  current,
  // Largest first: the swap limit includes memory, and may not be below the hard limit.
  limitSetting('memtune.swapHardLimit', 'memory and swap limit of the QEMU process', 'swap_hard_limit'),
  limitSetting('memtune.hardLimit', 'memory limit of the QEMU process', 'hard_limit'),
  limitSetting('memtune.softLimit', 'soft memory limit of the QEMU process', 'soft_limit'),
] as const;

/** Not a setting: the type of memory backing determines what else a domain can have. */
export function memorySource(domain: Element): string | undefined {
  return attr(child(domain, 'memoryBacking', 'source'), 'type');
}
