import { CpuSet } from '../../model/cpu-set.ts';
import { child, elementKiB } from '../../model/xml.ts';
import { parsePages } from '../settings/memory.ts';
import { cpuNumbers, parseSize, sizeText } from '../settings/values.ts';
import { type Invariant, type Subject, saidOf } from './invariant.ts';

/** What QEMU takes besides the guest's memory where no more is known: its code, its video memory, its threads. */
const QEMU_KIB = 256 * 1024;

/** UNLIMITED of libvirt, as KiB: a limit that is none. */
const UNLIMITED_KIB = 2 ** 53 - 1;

const sizeOf = (subject: Subject, setting: string): number | undefined => {
  const kib = parseSize(saidOf(subject, setting) ?? '');
  return kib === undefined || kib >= UNLIMITED_KIB ? undefined : kib;
};

/** Hugepages are counted apart, unless all of it is locked (then the limit is that of locking too). */
function neededKiB(subject: Subject): number {
  const memory = subject.facts.memory.maximumKiB ?? 0;
  const apart = saidOf(subject, 'hugepages') !== undefined && saidOf(subject, 'locked') !== 'yes';
  return (apart ? 0 : memory) + QEMU_KIB;
}

export const memoryInvariants: readonly Invariant[] = [
  {
    code: 'LIMIT_BELOW_NEED',
    level: 'refuse',
    what: "memtune's hard_limit is above the guest's memory and 256 MiB for QEMU (QEMU alone with hugepages that are not locked).",
    why: 'The kernel kills QEMU when it comes to its limit, or QEMU cannot lock its memory at the start.',
    source: 'libvirt formatdomain (2026), Memory Tuning',
    broken: (subject) => {
      const limit = sizeOf(subject, 'memtune.hardLimit');
      const need = neededKiB(subject);
      return limit === undefined || limit >= need
        ? undefined
        : {
            text: `hard_limit is ${sizeText(limit)}, and it needs ${sizeText(need)}`,
            next: 'raise it (memory.hardLimit: "= memory, plus 4 GiB"), or take it out',
          };
    },
  },
  {
    code: 'SWAP_LIMIT_BELOW_LIMIT',
    level: 'refuse',
    what: "memtune's swap_hard_limit is not below its hard_limit.",
    why: 'It holds memory as well as swap: libvirt and the kernel refuse it.',
    source: 'libvirt formatdomain (2026), Memory Tuning',
    broken: (subject) => {
      const [hard, swap] = [sizeOf(subject, 'memtune.hardLimit'), sizeOf(subject, 'memtune.swapHardLimit')];
      return hard === undefined || swap === undefined || swap >= hard
        ? undefined
        : { text: `swap_hard_limit is ${sizeText(swap)}, and hard_limit ${sizeText(hard)}` };
    },
  },
  {
    code: 'LOCKED_NEEDS_LIMIT',
    level: 'refuse',
    what: 'A domain with locked memory has a hard_limit.',
    why: 'Without one libvirt takes every limit off what QEMU may lock: a guest could lock all of the host.',
    source: 'libvirt formatdomain (2026), Memory Backing',
    broken: (subject) =>
      saidOf(subject, 'locked') !== 'yes' || sizeOf(subject, 'memtune.hardLimit') !== undefined
        ? undefined
        : { text: 'its memory is locked, and nothing limits how much', next: 'set memory.hardLimit as well' },
  },
  {
    code: 'NO_SUCH_PAGES',
    level: 'refuse',
    what: 'Hugepages are of a size that the host has, and memory is a whole number of them.',
    why: 'The domain does not start.',
    source: 'libvirt formatdomain (2026), Memory Backing',
    broken: (subject) => {
      const known = new Set(
        subject.host.topology.cells.flatMap(({ pages }) => pages.map(({ sizeKiB }) => sizeKiB)),
      );
      const sizes = parsePages(saidOf(subject, 'hugepages') ?? '').map(({ sizeKiB }) => sizeKiB);
      const missing = sizes.find((size) => known.size > 0 && !known.has(size));
      if (missing !== undefined) return { text: `this host has no pages of ${sizeText(missing)}` };
      const memory = subject.facts.memory.maximumKiB ?? 0;
      const odd = sizes.length === 1 ? sizes.find((size) => memory % size !== 0) : undefined;
      return odd === undefined
        ? undefined
        : { text: `${sizeText(memory)} is not a whole number of pages of ${sizeText(odd)}` };
    },
  },
  {
    code: 'MORE_THAN_MAXIMUM',
    level: 'refuse',
    what: 'currentMemory is at most memory, and memory at most maxMemory.',
    why: 'libvirt refuses it, or cuts it down without a word.',
    source: 'libvirt formatdomain (2026), Memory Allocation',
    broken: ({ root }) => {
      const [most, memory, now] = ['maxMemory', 'memory', 'currentMemory'].map((name) =>
        elementKiB(child(root, name)),
      );
      if (memory !== undefined && now !== undefined && now > memory)
        return { text: `currentMemory is ${sizeText(now)}, and memory ${sizeText(memory)}` };
      return most !== undefined && memory !== undefined && memory > most
        ? { text: `memory is ${sizeText(memory)}, and maxMemory ${sizeText(most)}` }
        : undefined;
    },
  },
  {
    code: 'NO_SUCH_CELL',
    level: 'refuse',
    what: 'Memory is bound to cells that the host has.',
    why: 'The domain does not start.',
    source: 'libvirt formatdomain (2026), NUMA Node Tuning',
    broken: ({ facts, host }) => {
      const known = CpuSet.of(host.topology.cells.map(({ id }) => id));
      const { numaNodeset, memNodes } = facts.memory;
      const asked = [...memNodes.values()].reduce(
        (all, each) => all.union(each),
        numaNodeset ?? CpuSet.empty,
      );
      const missing = asked.difference(known);
      return known.size === 0 || missing.size === 0
        ? undefined
        : { text: `this host has no cell ${missing}; it has ${known}` };
    },
  },
  {
    code: 'CELLS_NOT_ALL_VCPUS',
    level: 'refuse',
    what: "The guest's NUMA cells hold each vCPU once.",
    why: 'libvirt refuses it, or the guest sees CPUs without memory.',
    source: 'libvirt formatdomain (2026), CPU model and topology',
    broken: ({ facts }) => {
      const { cells, vcpusMaximum = 1 } = facts.cpu;
      if (cells.every(({ cpus }) => cpus.size === 0)) return undefined;
      const held = cells.reduce((sum, { cpus }) => sum + cpus.size, 0);
      const all = cells.reduce((sum, { cpus }) => sum.union(cpus), CpuSet.empty);
      return held === all.size && all.size === vcpusMaximum
        ? undefined
        : { text: `its cells hold vCPUs ${cpuNumbers(all.toString())}, and it has ${vcpusMaximum}` };
    },
  },
];
