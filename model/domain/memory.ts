import { CpuSet } from '../cpu-set.ts';
import { attr, child, children, type Element, elementKiB, sizeKiB, wholeNumber } from '../xml.ts';
import { type MemoryDevice, parseMemoryDevices } from './memory-devices.ts';

export interface MemoryFacts {
  /** Memory devices included, as libvirt counts it. */
  readonly maximumKiB: number | undefined;
  readonly currentKiB: number | undefined;
  /** Absent: no hugepages. 'default': the host's default size. */
  readonly hugepages: readonly (number | 'default')[] | undefined;
  /** The same, each with its guest cells; an entry without cells applies to all that no other entry names. */
  readonly pageRules: readonly PageRule[];
  readonly locked: boolean;
  readonly noSharePages: boolean;
  readonly numaMode: string | undefined;
  /** Host cells, in the same list format as CPUs. */
  readonly numaNodeset: CpuSet | undefined;
  /** `numatune/memnode`: host cells by guest cell. */
  readonly memNodes: ReadonlyMap<number, CpuSet>;
  readonly balloonModel: string | undefined;
  /** How often the guest reports its memory statistics; absent or 0: never, and most tags stay empty. */
  readonly balloonPeriodSeconds: number | undefined;
  /** Absent in recordings of older versions. */
  readonly devices?: readonly MemoryDevice[] | undefined;
}

export interface PageRule {
  readonly sizeKiB: number | 'default';
  readonly guestCells: CpuSet | undefined;
}

export function parseMemoryFacts(domain: Element): MemoryFacts {
  const backing = child(domain, 'memoryBacking');
  const hugepages = child(backing, 'hugepages');
  const numa = child(domain, 'numatune', 'memory');
  const balloon = child(domain, 'devices', 'memballoon');
  const nodeset = attr(numa, 'nodeset');
  return {
    maximumKiB: elementKiB(child(domain, 'memory')),
    currentKiB: elementKiB(child(domain, 'currentMemory')) ?? elementKiB(child(domain, 'memory')),
    hugepages: hugepages === undefined ? undefined : pageRules(hugepages).map(({ sizeKiB: size }) => size),
    pageRules: hugepages === undefined ? [] : pageRules(hugepages),
    locked: child(backing, 'locked') !== undefined,
    noSharePages: child(backing, 'nosharepages') !== undefined,
    numaMode: attr(numa, 'mode') ?? (numa === undefined ? undefined : 'strict'),
    numaNodeset: nodeset === undefined ? undefined : CpuSet.parse(nodeset),
    memNodes: memNodes(child(domain, 'numatune')),
    balloonModel: attr(balloon, 'model'),
    balloonPeriodSeconds: wholeNumber(attr(child(balloon, 'stats'), 'period')),
    devices: parseMemoryDevices(child(domain, 'devices')),
  };
}

function memNodes(numatune: Element | undefined): Map<number, CpuSet> {
  const found = new Map<number, CpuSet>();
  for (const node of children(numatune, 'memnode')) {
    const cell = wholeNumber(attr(node, 'cellid'));
    const nodeset = attr(node, 'nodeset');
    if (cell !== undefined && nodeset !== undefined) found.set(cell, CpuSet.parse(nodeset));
  }
  return found;
}

function pageRules(hugepages: Element): PageRule[] {
  const rules = children(hugepages, 'page').flatMap((page): PageRule[] => {
    const size = sizeKiB(attr(page, 'size'), attr(page, 'unit'));
    const cells = attr(page, 'nodeset');
    return size === undefined
      ? []
      : [{ sizeKiB: size, guestCells: cells === undefined ? undefined : CpuSet.parse(cells) }];
  });
  return rules.length > 0 ? rules : [{ sizeKiB: 'default', guestCells: undefined }];
}
