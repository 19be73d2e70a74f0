import { attr, child, children, type Element, sizeKiB } from '../../model/xml.ts';
import { append, ensurePath, prune, remove } from './edit.ts';
import type { Setting } from './setting.ts';
import { cpuList, parseSize, sizeText } from './values.ts';

// Shares of the host's caches and memory bandwidth, by resctrl. vCPUs of one element share its part; the grouping of
// vCPUs is part of the value, so that each of the two is one setting of the domain. Monitors are not touched.

interface Family {
  readonly id: 'cachetune' | 'memorytune';
  readonly title: string;
  /** `L3 0 both 3 MiB`, `node 0 60 %`. */
  readonly describe: (element: Element) => string | undefined;
  readonly build: (parent: Element, words: readonly string[]) => void;
}

/** `0-3: L3 0 both 3 MiB, L3 1 both 3 MiB; 4-5: ...`, ordered by the first vCPU. */
function familySetting({ id, title, describe, build }: Family): Setting {
  const elements = (domain: Element): Element[] => children(child(domain, 'cputune'), id);
  return {
    id,
    title,
    on: 'domain',
    read: (domain) => {
      const groups = elements(domain).flatMap((element) => {
        const parts = children(element).flatMap((part) => describe(part) ?? []);
        return parts.length === 0 ? [] : [`${cpuList(attr(element, 'vcpus')) ?? ''}: ${parts.join(', ')}`];
      });
      return groups.length === 0 ? undefined : groups.toSorted(byFirstNumber).join('; ');
    },
    write: (domain, _, value) => {
      for (const element of elements(domain)) {
        for (const part of children(element)) if (describe(part) !== undefined) remove(part);
        if (children(element).length === 0) remove(element);
      }
      for (const group of value?.split('; ') ?? []) {
        const [vcpus = '', parts = ''] = group.split(': ');
        const element = ensurePath(domain, ['cputune', { name: id, with: ['vcpus', vcpus] }]);
        for (const part of parts.split(', ')) build(element, part.split(' '));
      }
      if (value === undefined) prune(domain, ['cputune']);
    },
  };
}

const byFirstNumber = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10);

const cachetune = familySetting({
  id: 'cachetune',
  title: 'cache allocation of vCPUs (resctrl)',
  describe: (element) => {
    if (element.nodeName !== 'cache') return undefined;
    const kib = sizeKiB(attr(element, 'size'), attr(element, 'unit') ?? 'bytes');
    return `L${attr(element, 'level')} ${attr(element, 'id')} ${attr(element, 'type')} ${sizeText(kib ?? 0)}`;
  },
  build: (parent, [level = '', id = '', type = '', count = '', unit = '']) => {
    const cache = append(parent, 'cache');
    cache.setAttribute('id', id);
    cache.setAttribute('level', level.slice(1));
    cache.setAttribute('type', type);
    cache.setAttribute('size', String(parseSize(`${count} ${unit}`) ?? 0));
    cache.setAttribute('unit', 'KiB');
  },
});

const memorytune = familySetting({
  id: 'memorytune',
  title: 'memory bandwidth allocation of vCPUs (resctrl)',
  describe: (element) =>
    element.nodeName === 'node' ? `node ${attr(element, 'id')} ${attr(element, 'bandwidth')} %` : undefined,
  build: (parent, [, id = '', bandwidth = '']) => {
    const node = append(parent, 'node');
    node.setAttribute('id', id);
    node.setAttribute('bandwidth', bandwidth);
  },
});

export const cacheSettings = [cachetune, memorytune] as const;

interface Group<P> {
  readonly vcpus: string;
  readonly parts: readonly P[];
}

/** Parses a value of `cachetune`. */
export function parseCacheParts(
  value: string,
): Group<{ readonly level: number; readonly id: number; readonly type: string; readonly sizeKiB: number }>[] {
  return groups(value, ([level = '', id, type = '', count = '', unit = '']) => ({
    level: Number(level.slice(1)),
    id: Number(id),
    type,
    sizeKiB: parseSize(`${count} ${unit}`) ?? 0,
  }));
}

/** Parses a value of `memorytune`. */
export function parseBandwidthParts(
  value: string,
): Group<{ readonly id: number; readonly percent: number }>[] {
  return groups(value, ([, id, percent]) => ({ id: Number(id), percent: Number(percent) }));
}

function groups<P>(value: string, part: (words: readonly string[]) => P): Group<P>[] {
  return value.split('; ').map((group) => {
    const [vcpus = '', parts = ''] = group.split(': ');
    return { vcpus, parts: parts.split(', ').map((each) => part(each.split(' '))) };
  });
}
