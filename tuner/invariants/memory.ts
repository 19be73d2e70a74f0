import { MEMORY_UNLIMITED_KIB } from '../../libvirt/constants.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { child, elementKiB } from '../../model/xml.ts';
import { vmMemoryCellsOf } from '../facts/facts.ts';
import { parsePages } from '../settings/memory.ts';
import { cpuNumbers, parseSize, sizeText } from '../settings/values.ts';
import { type Invariant, type Subject, settingOf } from './invariant.ts';

/** Estimate of QEMU's own memory in addition to the guest's: code, video memory, threads. */
const QEMU_KIB = 256 * 1024;

const sizeOf = (subject: Subject, setting: string): number | undefined => {
  const kib = parseSize(settingOf(subject, setting) ?? '');
  return kib === undefined || kib >= MEMORY_UNLIMITED_KIB ? undefined : kib;
};

/** Hugepages are accounted separately, unless all memory is locked (then the limit is also the lock limit). */
function neededKiB(subject: Subject): number {
  const memory = subject.facts.memory.maximumKiB ?? 0;
  const apart = settingOf(subject, 'hugepages') !== undefined && settingOf(subject, 'locked') !== 'yes';
  return (apart ? 0 : memory) + QEMU_KIB;
}

export const memoryInvariants: readonly Invariant[] = [
  {
    code: 'LIMIT_BELOW_NEED',
    level: 'refuse',
    what: 'memtune hard_limit exceeds guest memory plus 256 MiB for QEMU (QEMU alone if memory is in huge pages and not locked).',
    why: 'Otherwise the kernel kills QEMU at the limit, or QEMU cannot lock its memory at start.',
    source: 'libvirt formatdomain (2026), Memory Tuning',
    broken: (subject) => {
      const limit = sizeOf(subject, 'memtune.hardLimit');
      const need = neededKiB(subject);
      return limit === undefined || limit >= need
        ? undefined
        : {
            text: `hard_limit is ${sizeText(limit)}, but ${sizeText(need)} are needed`,
            next: 'raise it (memory.hardLimit: "= memory, plus 4 GiB"), or remove it',
          };
    },
  },
  {
    code: 'SWAP_LIMIT_BELOW_LIMIT',
    level: 'refuse',
    what: 'memtune swap_hard_limit is set only with hard_limit, and is not below it.',
    why: 'It limits memory plus swap: libvirt and cgroup v1 reject a lower value, and any value without a memory limit.',
    source: 'libvirt formatdomain (2026), Memory Tuning',
    broken: (subject) => {
      const [hard, swap] = [sizeOf(subject, 'memtune.hardLimit'), sizeOf(subject, 'memtune.swapHardLimit')];
      if (swap === undefined || (hard !== undefined && swap >= hard)) return undefined;
      return hard === undefined
        ? {
            text: `swap_hard_limit is ${sizeText(swap)}, but there is no hard_limit`,
            next: 'set memory.swapHardLimit: default, or also set memory.hardLimit',
          }
        : { text: `swap_hard_limit is ${sizeText(swap)}, but hard_limit is ${sizeText(hard)}` };
    },
  },
  {
    code: 'LOCKED_NEEDS_LIMIT',
    level: 'refuse',
    what: 'A domain with locked memory has a hard_limit.',
    why: 'Otherwise libvirt lifts the limit on memory that QEMU may lock: a guest could lock all memory of the host.',
    source: 'libvirt formatdomain (2026), Memory Backing',
    broken: (subject) =>
      settingOf(subject, 'locked') !== 'yes' || sizeOf(subject, 'memtune.hardLimit') !== undefined
        ? undefined
        : { text: 'its memory is locked without a limit', next: 'also set memory.hardLimit' },
  },
  {
    code: 'NO_SUCH_PAGES',
    level: 'refuse',
    what: 'The host has huge pages of this size, and memory is a multiple of the size.',
    why: 'Otherwise the domain does not start.',
    source: 'libvirt formatdomain (2026), Memory Backing',
    broken: (subject) => {
      const known = new Set(
        subject.host.topology.cells.flatMap(({ pages }) => pages.map(({ sizeKiB }) => sizeKiB)),
      );
      const sizes = parsePages(settingOf(subject, 'hugepages') ?? '').map(({ sizeKiB }) => sizeKiB);
      const missing = sizes.find((size) => known.size > 0 && !known.has(size));
      if (missing !== undefined) return { text: `this host has no huge pages of ${sizeText(missing)}` };
      const memory = subject.facts.memory.maximumKiB ?? 0;
      const odd = sizes.length === 1 ? sizes.find((size) => memory % size !== 0) : undefined;
      return odd === undefined
        ? undefined
        : { text: `memory of ${sizeText(memory)} is not a multiple of the page size, ${sizeText(odd)}` };
    },
  },
  {
    code: 'MORE_THAN_MAXIMUM',
    level: 'refuse',
    what: 'currentMemory does not exceed memory, and memory does not exceed maxMemory.',
    why: 'Otherwise libvirt rejects the definition, or reduces the value silently.',
    source: 'libvirt formatdomain (2026), Memory Allocation',
    broken: ({ root }) => {
      const [max, memory, now] = ['maxMemory', 'memory', 'currentMemory'].map((name) =>
        elementKiB(child(root, name)),
      );
      if (memory !== undefined && now !== undefined && now > memory)
        return { text: `currentMemory is ${sizeText(now)}, but memory is ${sizeText(memory)}` };
      return max !== undefined && memory !== undefined && memory > max
        ? { text: `memory is ${sizeText(memory)}, but maxMemory is ${sizeText(max)}` }
        : undefined;
    },
  },
  {
    code: 'NO_SUCH_CELL',
    level: 'refuse',
    what: 'Memory is bound only to cells that the host has.',
    why: 'Otherwise the domain does not start.',
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
    code: 'CELL_NOT_FOR_VMS',
    level: 'refuse',
    what: "Memory is bound only to cells that the domain's control group may use (cpuset.mems).",
    why: 'Otherwise the domain does not start: mbind(2) fails with EINVAL, or libvirt cannot write the cpuset.',
    source:
      'mbind(2), Linux man-pages 6.9 (2024); Linux 6.12, Documentation/admin-guide/cgroup-v2.rst (2024)',
    broken: ({ facts, host }) => {
      const allowed = vmMemoryCellsOf(host);
      const { numaNodeset, memNodes } = facts.memory;
      const bound = [...memNodes.values(), ...(numaNodeset === undefined ? [] : [numaNodeset])];
      const bad = bound.find((cells) => cells.intersection(allowed).size === 0);
      return bad === undefined || allowed.size === 0
        ? undefined
        : {
            text: `it may have no memory of cell ${bad}; its control group has that of ${allowed}`,
            next: 'see cpuset.mems.effective of its slice, and AllowedMemoryNodes= of that unit',
          };
    },
  },
  {
    code: 'CELLS_NOT_ALL_VCPUS',
    level: 'refuse',
    what: 'Each vCPU is in exactly one NUMA cell of the guest.',
    why: 'Otherwise libvirt rejects the definition, or the guest sees CPUs without memory.',
    source: 'libvirt formatdomain (2026), CPU model and topology',
    broken: ({ facts }) => {
      const { cells, vcpusMaximum = 1 } = facts.cpu;
      if (cells.every(({ cpus }) => cpus.size === 0)) return undefined;
      const held = cells.reduce((sum, { cpus }) => sum + cpus.size, 0);
      const all = cells.reduce((sum, { cpus }) => sum.union(cpus), CpuSet.empty);
      return held === all.size && all.size === vcpusMaximum
        ? undefined
        : { text: `its cells have vCPUs ${cpuNumbers(all.toString())}, but it has ${vcpusMaximum} vCPUs` };
    },
  },
];
