import { attr, child, children, type Element, sizeKiB } from '../../model/xml.ts';
import { append, ensurePath, findPath, putAttribute, remove, removePath } from './edit.ts';
import type { Setting } from './setting.ts';
import { guestCells } from './targets.ts';
import { cpuList, parseSize, sizeText } from './values.ts';

const MEMORY = ['numatune', 'memory'] as const;

/** libvirt's default is strict once memory is bound to cells. */
const mode: Setting = {
  id: 'numatune.mode',
  title: 'NUMA memory mode',
  on: 'domain',
  read: (domain) => {
    const memory = findPath(domain, MEMORY);
    return memory === undefined ? undefined : (attr(memory, 'mode') ?? 'strict');
  },
  write: (domain, _, value) => {
    if (value === undefined && attr(findPath(domain, MEMORY), 'nodeset') === undefined) {
      removePath(domain, MEMORY);
    } else putAttribute(domain, MEMORY, 'mode', value);
  },
};

const nodeset: Setting = {
  id: 'numatune.nodeset',
  title: 'host cells of memory',
  on: 'domain',
  read: (domain) => cpuList(attr(findPath(domain, MEMORY), 'nodeset')),
  write: (domain, _, value) => {
    const memory = findPath(domain, MEMORY);
    // `auto` leaves the choice to numad and overrides the list; without `auto`, numatune needs a list.
    const auto = attr(memory, 'placement') === 'auto';
    if (value === undefined && !auto) {
      if (attr(memory, 'nodeset') !== undefined) removePath(domain, MEMORY);
      return;
    }
    putAttribute(domain, MEMORY, 'nodeset', value);
    if (value !== undefined && auto) memory?.removeAttribute('placement');
  },
  live: ({ domain, to, live }) =>
    // In all other modes QEMU binds memory itself, and that cannot be changed.
    to === undefined || attr(findPath(live, MEMORY), 'mode') !== 'restrictive'
      ? undefined
      : [{ kind: 'numaNodeset', domain, to }],
};

/** `strict 0`, for one guest cell. */
const memnode: Setting = {
  id: 'memnode',
  title: 'host cells of the memory of a guest cell',
  on: 'cell',
  read: (domain, target) => {
    const element = findPath(domain, ['numatune', { name: 'memnode', with: ['cellid', target] }]);
    return element === undefined
      ? undefined
      : `${attr(element, 'mode') ?? ''} ${cpuList(attr(element, 'nodeset')) ?? ''}`;
  },
  write: (domain, target, value) => {
    const path = ['numatune', { name: 'memnode', with: ['cellid', target] as const }];
    if (value === undefined) {
      removePath(domain, path);
      return;
    }
    const [modeOf = '', nodes = ''] = value.split(' ');
    const element = ensurePath(domain, path);
    element.setAttribute('mode', modeOf);
    element.setAttribute('nodeset', nodes);
  },
};

const NUMA = ['cpu', 'numa'] as const;

/** `0-3 8 GiB, 4-7 8 GiB`: CPUs and memory of each guest cell, by id from 0. */
const cells: Setting = {
  id: 'numa.cells',
  title: 'NUMA cells of the guest',
  on: 'domain',
  read: (domain) => {
    const described = guestCells(domain).map(({ element }) => {
      const kib = sizeKiB(attr(element, 'memory'), attr(element, 'unit'));
      return `${cpuList(attr(element, 'cpus')) ?? 'no CPUs'} ${kib === undefined ? '?' : sizeText(kib)}`;
    });
    return described.length === 0 ? undefined : described.join(', ');
  },
  write: (domain, _, value) => {
    if (value === undefined) {
      removePath(domain, NUMA);
      return;
    }
    const wanted = parseCells(value);
    const numa = ensurePath(domain, NUMA);
    const before = guestCells(domain);
    for (const { id, element } of before) if (id >= wanted.length) remove(element);
    // Distances refer to every other cell, and are valid only for an unchanged number of cells.
    if (before.length !== wanted.length) for (const { element } of before) removePath(element, ['distances']);
    for (const [index, { cpus, memoryKiB }] of wanted.entries()) {
      const element = cellElement(domain, numa, index);
      element.setAttribute('id', String(index));
      if (cpus === undefined) element.removeAttribute('cpus');
      else element.setAttribute('cpus', cpus);
      element.setAttribute('memory', String(memoryKiB));
      element.setAttribute('unit', 'KiB');
    }
    dropMemnodes(domain, wanted.length);
  },
};

function cellElement(domain: Element, numa: Element, id: number): Element {
  return guestCells(domain).find((cell) => cell.id === id)?.element ?? append(numa, 'cell');
}

export interface CellSpec {
  /** Absent for a memory-only cell. */
  readonly cpus: string | undefined;
  readonly memoryKiB: number;
}

/** Parses a value of `cells`; CPU lists contain commas too, so a cell ends with the unit of its size. */
export function parseCells(value: string): CellSpec[] {
  return [...value.matchAll(/(no CPUs|[\d,-]+) (\d+ [KMGT]iB)(?:, |$)/g)].map(([, cpus, size]) => ({
    cpus: cpus === 'no CPUs' ? undefined : cpus,
    memoryKiB: parseSize(size ?? '') ?? 0,
  }));
}

export function cellsText(wanted: readonly CellSpec[]): string {
  return wanted.map(({ cpus, memoryKiB }) => `${cpus ?? 'no CPUs'} ${sizeText(memoryKiB)}`).join(', ');
}

/** Drops memory bindings of guest cells that no longer exist. */
function dropMemnodes(domain: Element, count: number): void {
  for (const element of children(child(domain, 'numatune'), 'memnode')) {
    const id = attr(element, 'cellid');
    if (id !== undefined && Number(id) >= count) memnode.write(domain, id, undefined);
  }
}

export const numaSettings = [mode, nodeset, cells, memnode] as const;
