import type { Problem } from '../../errors.ts';
import { memorySource, parsePages } from '../../settings/memory.ts';
import { parseCells } from '../../settings/numa.ts';
import { cpuNumbers, parseSize, sizeText } from '../../settings/values.ts';
import { type Check, type CheckView, check } from './check.ts';

/** Memory of each cell that the guest will have; all of it in one where it has none of its own. */
function cellMemory(view: CheckView): number[] {
  const cells = parseCells(view.will('numa.cells') ?? '');
  return cells.length > 0 ? cells.map(({ memoryKiB }) => memoryKiB) : [view.facts.memory.maximumKiB ?? 0];
}

function pagesFit(value: string, view: CheckView): Problem | undefined {
  const known = new Set(view.host.topology.cells.flatMap(({ pages }) => pages.map(({ sizeKiB }) => sizeKiB)));
  const memory = cellMemory(view);
  for (const { sizeKiB, cells } of parsePages(value)) {
    if (known.size > 0 && !known.has(sizeKiB)) {
      const sizes = [...known].sort((a, b) => a - b).map(sizeText);
      return {
        code: 'NO_SUCH_PAGES',
        text: `this host has no pages of ${sizeText(sizeKiB)}; it has ${sizes.join(', ')}`,
        next: 'with hugepages=1G or the like on its kernel command line it may have them after a boot',
      };
    }
    const odd = memory.findIndex(
      (kib, cell) => kib % sizeKiB !== 0 && (cells === undefined || cpuNumbers(cells).has(cell)),
    );
    if (odd >= 0) {
      const kib = memory[odd] ?? 0;
      return {
        code: 'PAGES_NOT_WHOLE',
        text: `${sizeText(kib)} of memory${memory.length > 1 ? ` in guest cell ${odd}` : ''} is not a whole number of pages of ${sizeText(sizeKiB)}`,
        next: `give it ${sizeText(Math.ceil(kib / sizeKiB) * sizeKiB)}, or take smaller pages`,
      };
    }
  }
  return undefined;
}

const ON_DEMAND: Problem = {
  code: 'PAGES_ON_DEMAND',
  text: 'hugepages are taken at the start, and memory that is taken on demand cannot come from them',
  next: 'memory.allocation: immediate',
};

const NO_BALLOON: Problem = {
  code: 'NO_BALLOON',
  text: 'the domain has no memory balloon, which this is a part of',
  next: 'balloon.model: virtio',
};

export const memoryChecks: readonly Check[] = [
  check(/^hugepages$/, (value, _, view) => {
    if (memorySource(view.root) === 'anonymous') {
      return {
        code: 'PAGES_ANONYMOUS',
        text: 'the domain asks for anonymous memory, which libvirt does not take from hugepages',
        next: "take <source type='anonymous'/> out of its memoryBacking",
      };
    }
    if (view.will('memory.allocation') === 'ondemand') return ON_DEMAND;
    return pagesFit(value, view);
  }),
  check(/^memory\.allocation$/, (value, _, view) =>
    value === 'ondemand' && view.will('hugepages') !== undefined ? ON_DEMAND : undefined,
  ),
  check(/^locked$/, (_, __, view) =>
    view.will('memtune.hardLimit') === undefined
      ? {
          code: 'LOCKED_NEEDS_LIMIT',
          text: 'locked memory takes every limit off what the QEMU process may lock: a guest could lock all of the host',
          next: 'set memory.hardLimit as well, such as "= memory, plus 4 GiB"',
        }
      : undefined,
  ),
  check(/^memtune\.(hardLimit|swapHardLimit)$/, (value, { setting }, { facts }) => {
    const memory = facts.memory.maximumKiB ?? 0;
    return (parseSize(value) ?? 0) > memory
      ? undefined
      : {
          code: 'LIMIT_BELOW_MEMORY',
          text: `${setting.id} of ${value} is not above the guest's memory of ${sizeText(memory)}, and QEMU itself needs some: the kernel would kill it`,
          next: 'such as "= memory, plus 2 GiB"',
        };
  }),
  check(/^memtune\.swapHardLimit$/, (value, _, view) => {
    const hard = view.will('memtune.hardLimit');
    return hard === undefined || (parseSize(value) ?? 0) > (parseSize(hard) ?? 0)
      ? undefined
      : {
          code: 'SWAP_LIMIT_BELOW_LIMIT',
          text: `memory and swap of ${value} have to be more than memory of ${hard}`,
        };
  }),
  check(/^balloon\.(statsPeriod|freePageReporting|autodeflate)$/, (value, _, view) =>
    view.will('balloon.model') === 'none' && value !== 'off' ? NO_BALLOON : undefined,
  ),
  check(/^memory\.current$/, (value, _, view) => {
    const memory = view.facts.memory.maximumKiB ?? 0;
    const wanted = parseSize(value) ?? 0;
    if (wanted > memory) {
      return {
        code: 'MORE_THAN_MEMORY',
        text: `${value} is more than the domain's memory of ${sizeText(memory)}`,
      };
    }
    return wanted < memory && view.will('balloon.model') === 'none' ? NO_BALLOON : undefined;
  }),
];
