import type { Problem } from '../../errors.ts';
import { findSetting } from '../../settings/all.ts';
import { memorySource, parsePages } from '../../settings/memory.ts';
import { parseCells } from '../../settings/numa.ts';
import { cpuNumbers, parseSize, sizeText } from '../../settings/values.ts';
import { type Check, type CheckView, check } from './check.ts';

/** Memory of each future guest cell; a guest without cells counts as one. */
function cellMemory(view: CheckView): number[] {
  const cells = parseCells(view.will('numa.cells') ?? '');
  return cells.length > 0 ? cells.map(({ memoryKiB }) => memoryKiB) : [view.facts.memory.maximumKiB ?? 0];
}

/** Whether there is a limit that would be removed. */
const hasHardLimit = ({ root, state }: CheckView): boolean =>
  [root, state.live?.root].some(
    (each) => each !== undefined && findSetting('memtune.hardLimit')?.read(each, '') !== undefined,
  );

function pagesFit(value: string, view: CheckView): Problem | undefined {
  const known = new Set(view.host.topology.cells.flatMap(({ pages }) => pages.map(({ sizeKiB }) => sizeKiB)));
  const memory = cellMemory(view);
  for (const { sizeKiB, cells } of parsePages(value)) {
    if (known.size > 0 && !known.has(sizeKiB)) {
      const sizes = [...known].sort((a, b) => a - b).map(sizeText);
      return {
        code: 'NO_SUCH_PAGES',
        text: `this host has no huge pages of ${sizeText(sizeKiB)}; it has ${sizes.join(', ')}`,
        next: 'if the CPU supports this size: add hugepagesz= to the kernel command line and reboot the host',
      };
    }
    const odd = memory.findIndex(
      (kib, cell) => kib % sizeKiB !== 0 && (cells === undefined || cpuNumbers(cells).has(cell)),
    );
    if (odd >= 0) {
      const kib = memory[odd] ?? 0;
      return {
        code: 'PAGES_NOT_WHOLE',
        text: `${sizeText(kib)} of memory${memory.length > 1 ? ` in guest cell ${odd}` : ''} is not a multiple of the page size, ${sizeText(sizeKiB)}`,
        next: `give it ${sizeText(Math.ceil(kib / sizeKiB) * sizeKiB)}, or use smaller pages`,
      };
    }
  }
  return undefined;
}

const ON_DEMAND: Problem = {
  code: 'PAGES_ON_DEMAND',
  text: 'huge pages are allocated at start, so memory that is allocated on demand cannot use them',
  next: 'set memory.allocation: immediate',
};

const NO_BALLOON: Problem = {
  code: 'NO_BALLOON',
  text: 'the domain has no memory balloon, which this setting needs',
  next: 'set balloon.model: virtio',
};

export const memoryChecks: readonly Check[] = [
  check(/^hugepages$/, (value, _, view) => {
    if (memorySource(view.root) === 'anonymous') {
      return {
        code: 'PAGES_ANONYMOUS',
        text: 'the domain has anonymous memory, which libvirt does not place in huge pages',
        next: "remove <source type='anonymous'/> from its memoryBacking",
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
          text: 'locked memory lifts the limit on memory that QEMU may lock: a guest could lock all memory of the host',
          next: 'also set memory.hardLimit, for example "= memory, plus 4 GiB"',
        }
      : undefined,
  ),
  check(/^memtune\.(hardLimit|swapHardLimit)$/, (value, { setting }, { facts }) => {
    const memory = facts.memory.maximumKiB ?? 0;
    return (parseSize(value) ?? 0) > memory
      ? undefined
      : {
          code: 'LIMIT_BELOW_MEMORY',
          text: `${setting.id} of ${value} does not exceed guest memory of ${sizeText(memory)}, but QEMU also needs memory for itself: the kernel would kill it`,
          next: 'use for example "= memory, plus 2 GiB"',
        };
  }),
  check(/^memtune\.swapHardLimit$/, (value, _, view) => {
    const hard = view.will('memtune.hardLimit');
    // libvirt compares it with unlimited memory, and rejects it.
    if (hard === undefined) {
      return {
        code: 'SWAP_LIMIT_NEEDS_LIMIT',
        text: 'a limit of memory plus swap requires a memory limit',
        next: 'also set memory.hardLimit, for example "= memory, plus 2 GiB"',
      };
    }
    return (parseSize(value) ?? 0) > (parseSize(hard) ?? 0)
      ? undefined
      : {
          code: 'SWAP_LIMIT_BELOW_LIMIT',
          text: `the limit of memory plus swap, ${value}, must be above the memory limit, ${hard}`,
        };
  }),
  {
    // Unchanged settings may need the limit: without one, libvirt compares with the largest possible.
    of: /^memtune\.hardLimit$/,
    find: ({ value }, view) => {
      if (value !== undefined || !hasHardLimit(view)) return undefined;
      const swap = view.will('memtune.swapHardLimit');
      if (swap !== undefined) {
        return {
          code: 'SWAP_LIMIT_NEEDS_LIMIT',
          text: `the limit of memory plus swap, ${swap}, would remain without a memory limit`,
          next: 'set memory.swapHardLimit: default, or keep memory.hardLimit',
        };
      }
      return view.will('locked') === 'yes'
        ? {
            code: 'LOCKED_NEEDS_LIMIT',
            text: 'memory would remain locked without a limit: a guest could lock all memory of the host',
            next: 'set memory.locked: off, or keep memory.hardLimit',
          }
        : undefined;
    },
  },
  check(/^balloon\.(statsPeriod|freePageReporting|autodeflate)$/, (value, _, view) =>
    view.will('balloon.model') === 'none' && value !== 'off' ? NO_BALLOON : undefined,
  ),
  check(/^memory\.current$/, (value, _, view) => {
    const memory = view.facts.memory.maximumKiB ?? 0;
    const wanted = parseSize(value) ?? 0;
    if (wanted > memory) {
      return {
        code: 'MORE_THAN_MEMORY',
        text: `${value} is more than the memory of the domain, ${sizeText(memory)}`,
      };
    }
    return wanted < memory && view.will('balloon.model') === 'none' ? NO_BALLOON : undefined;
  }),
];
