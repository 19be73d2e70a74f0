import { CpuSet, CpuSetError } from '../../model/cpu-set.ts';
import {
  attr,
  child,
  children,
  type Element,
  elementKiB,
  sizeKiB,
  text,
  wholeNumber,
} from '../../model/xml.ts';
import { CallFailure } from '../faults.ts';
import { ioThreadIds } from './defaults.ts';
import { deviceRules } from './device-rules.ts';
import { ARCH, EMULATOR, machineNamed } from './machines.ts';

/** virErrorNumber and virErrorDomain, as libvirt 9.0 answers each. */
export const XML_ERROR = [27, 20] as const;
export const UNSUPPORTED = [67, 20] as const;
export const UNSUPPORTED_BY_QEMU = [67, 10] as const;
const INTERNAL = [1, 20] as const;
const DETAIL = [35, 20] as const;

type Answer = readonly [code: number, domain: number];
/** What stands against a definition, in libvirt's words; nothing if nothing does. */
export type Rule = readonly [answer: Answer, against: (domain: Element) => string | undefined];

const PREFIX: Readonly<Record<number, string>> = {
  1: 'internal error: ',
  27: 'XML error: ',
  67: 'unsupported configuration: ',
};

/**
 * @throws CallFailure with the number and the words that libvirt has for it.
 */
export function checkRules(domain: Element): void {
  try {
    for (const [[code, from], against] of [...RULES, ...deviceRules]) {
      const said = against(domain);
      if (said !== undefined) throw new CallFailure(code, `${PREFIX[code] ?? ''}${said}`, from);
    }
  } catch (error) {
    if (!(error instanceof CpuSetError)) throw error;
    throw new CallFailure(8, `invalid argument: Failed to parse bitmap: ${error.message}`, 0);
  }
}

const number = (parent: Element | undefined, ...path: readonly string[]): number | undefined =>
  wholeNumber(text(child(parent, ...path)));
const vcpusOf = (domain: Element): number => number(domain, 'vcpu') ?? 1;
const cellsOf = (domain: Element): Element[] => children(child(domain, 'cpu', 'numa'), 'cell');
const cpusOf = (cell: Element): CpuSet => CpuSet.parse(attr(cell, 'cpus') ?? '');
const twice = <T>(items: readonly T[]): T | undefined =>
  items.find((item, index) => items.indexOf(item) !== index);

const outside = (domain: Element, name: string, low: number, high: number): string | undefined => {
  const value = Number(text(child(domain, 'cputune', name)) ?? low);
  // 0 counts as not said, and a negative quota as none.
  const unset = value === 0 || (name.endsWith('quota') && value < 0);
  return unset || (value >= low && value <= high)
    ? undefined
    : `Value of cputune '${name}' must be in range [${low}, ${high}]`;
};

const PERIODS = ['period', 'global_period', 'emulator_period', 'iothread_period'];
const QUOTAS = ['quota', 'global_quota', 'emulator_quota', 'iothread_quota'];

const RULES: readonly Rule[] = [
  [[21, 20], (domain) => (text(child(domain, 'name')) ? undefined : 'missing name information')],
  [XML_ERROR, (domain) => (text(child(domain, 'os', 'type')) ? undefined : 'an os <type> must be specified')],
  [
    XML_ERROR,
    (domain) =>
      elementKiB(child(domain, 'memory')) ||
      cellsOf(domain).some((cell) => attr(cell, 'memory') !== undefined)
        ? undefined
        : 'Memory size must be specified via <memory> or in the <numa> configuration',
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const arch = attr(child(domain, 'os', 'type'), 'arch') ?? ARCH;
      return arch === ARCH || arch === 'i686' ? undefined : `Unknown architecture ${arch}`;
    },
  ],
  [
    UNSUPPORTED_BY_QEMU,
    (domain) => {
      const machine = attr(child(domain, 'os', 'type'), 'machine');
      if (machineNamed(machine) !== undefined) return undefined;
      return `Emulator '${text(child(domain, 'devices', 'emulator')) || EMULATOR}' does not support machine type '${machine}'`;
    },
  ],
  [
    UNSUPPORTED,
    (domain) =>
      (wholeNumber(attr(child(domain, 'vcpu'), 'current')) ?? 0) > vcpusOf(domain)
        ? 'maximum vCPU count must not be less than current vCPU count'
        : undefined,
  ],
  [
    UNSUPPORTED_BY_QEMU,
    (domain) => {
      const limit = machineNamed(attr(child(domain, 'os', 'type'), 'machine'))?.maxCpus ?? 0;
      return vcpusOf(domain) > limit
        ? `Maximum CPUs greater than specified machine type limit ${limit}`
        : undefined;
    },
  ],
  [
    UNSUPPORTED_BY_QEMU,
    (domain) => {
      const topology = child(domain, 'cpu', 'topology');
      if (topology === undefined) return undefined;
      const count = ['sockets', 'dies', 'cores', 'threads'].reduce(
        (product, name) => product * (wholeNumber(attr(topology, name)) ?? 1),
        1,
      );
      return count === vcpusOf(domain) ? undefined : "CPU topology doesn't match maximum vcpu count";
    },
  ],
  [
    XML_ERROR,
    (domain) => {
      const ids = cellsOf(domain).map((cell, index) => wholeNumber(attr(cell, 'id')) ?? index);
      return ids.toSorted((a, b) => a - b).every((id, index) => id === index)
        ? undefined
        : "Exactly one 'cell' element per guest NUMA cell allowed, non-contiguous ranges or ranges not starting from 0 are not allowed";
    },
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const cells = cellsOf(domain);
      for (const [index, cell] of cells.entries()) {
        const other = cells.findIndex(
          (each, at) => at < index && cpusOf(each).intersection(cpusOf(cell)).size > 0,
        );
        if (other >= 0) return `NUMA cells ${index} and ${other} have overlapping vCPU ids`;
      }
      return undefined;
    },
  ],
  [
    INTERNAL,
    (domain) => {
      const last = Math.max(-1, ...cellsOf(domain).flatMap((cell) => [...cpusOf(cell)]));
      return last >= vcpusOf(domain) ? 'Number of CPUs in <numa> exceeds the <vcpu> count' : undefined;
    },
  ],
  [
    XML_ERROR,
    (domain) => {
      const id = twice(
        children(child(domain, 'iothreadids'), 'iothread').map((each) => attr(each, 'id') ?? ''),
      );
      return id === undefined ? undefined : `duplicate iothread id '${id}' found`;
    },
  ],
  [
    INTERNAL,
    (domain) => {
      const pins = children(child(domain, 'cputune'), 'vcpupin').map((pin) => attr(pin, 'vcpu') ?? '');
      const vcpu = twice(pins);
      return vcpu === undefined ? undefined : `duplicate vcpupin for vcpu '${vcpu}'`;
    },
  ],
  [
    [8, 0],
    (domain) => {
      const lists = children(child(domain, 'cputune')).flatMap((pin) => attr(pin, 'cpuset') ?? []);
      return lists.some((list) => CpuSet.parse(list).size === 0)
        ? "invalid argument: Failed to parse bitmap ''"
        : undefined;
    },
  ],
  [
    XML_ERROR,
    (domain) =>
      children(child(domain, 'cputune'), 'emulatorpin').length > 1
        ? 'only one emulatorpin is supported'
        : undefined,
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const ids = ioThreadIds(domain);
      const missing = children(child(domain, 'cputune'), 'iothreadpin')
        .map((pin) => wholeNumber(attr(pin, 'iothread')) ?? 0)
        // A list of ids that is shorter than the count is filled up with the lowest that are free.
        .find((id) => !ids.includes(id) && id > (number(domain, 'iothreads') ?? 0));
      return missing === undefined ? undefined : `Cannot find 'iothread' : ${missing}`;
    },
  ],
  [UNSUPPORTED, (domain) => outside(domain, 'shares', 2, 262_144)],
  ...PERIODS.map((name): Rule => [UNSUPPORTED, (domain) => outside(domain, name, 1_000, 1_000_000)]),
  ...QUOTAS.map((name): Rule => [UNSUPPORTED, (domain) => outside(domain, name, 1_000, 17_592_186_044_415)]),
  [
    [27, 5],
    (domain) => {
      const realTime = (each: Element): boolean => ['fifo', 'rr'].includes(attr(each, 'scheduler') ?? '');
      const bare = children(child(domain, 'cputune')).find(
        (each) => each.nodeName.endsWith('sched') && realTime(each) && attr(each, 'priority') === undefined,
      );
      return bare === undefined
        ? undefined
        : `Missing required attribute 'priority' in element '${bare.nodeName}'`;
    },
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const vcpus = children(child(domain, 'cputune'), 'vcpusched').flatMap((each) => [
        ...CpuSet.parse(attr(each, 'vcpus') ?? ''),
      ]);
      const beyond = vcpus.find((vcpu) => vcpu >= vcpusOf(domain));
      return beyond === undefined ? undefined : `vCPU '${beyond}' is not present in domain definition`;
    },
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const modes = ['strict', 'preferred', 'interleave', 'restrictive'];
      const bad = children(child(domain, 'numatune'))
        .flatMap((each) => attr(each, 'mode') ?? [])
        .find((mode) => !modes.includes(mode));
      return bad === undefined ? undefined : `Unsupported NUMA memory tuning mode '${bad}'`;
    },
  ],
  [
    XML_ERROR,
    (domain) => {
      const nodes = children(child(domain, 'numatune'), 'memnode');
      const cells = cellsOf(domain).length;
      if (nodes.length === 0) return undefined;
      if (cells === 0) return "Element 'memnode' is invalid without any guest NUMA cells";
      return nodes.some((node) => (wholeNumber(attr(node, 'cellid')) ?? 0) >= cells)
        ? "Argument 'cellid' in memnode element must correspond to existing guest's NUMA cell"
        : undefined;
    },
  ],
  [UNSUPPORTED_BY_QEMU, hugepagesAgainstBacking],
  [DETAIL, masterPages],
];

function hugepagesAgainstBacking(domain: Element): string | undefined {
  const backing = child(domain, 'memoryBacking');
  if (child(backing, 'hugepages') === undefined) return undefined;
  if (attr(child(backing, 'allocation'), 'mode') === 'ondemand')
    return 'hugepages are not allowed with memory allocation ondemand';
  return attr(child(backing, 'source'), 'type') === 'anonymous'
    ? 'hugepages are not allowed with anonymous memory source'
    : undefined;
}

/** Pages for guest cells that there are, and one size for the rest of them. */
function masterPages(domain: Element): string | undefined {
  const pages = children(child(domain, 'memoryBacking', 'hugepages'), 'page');
  const last = Math.max(1, cellsOf(domain).length) - 1;
  for (const page of pages) {
    const missing = [...CpuSet.parse(attr(page, 'nodeset') ?? '')].find((cell) => cell > last);
    if (missing !== undefined) return `hugepages: node ${missing} not found`;
  }
  const master = pages
    .filter((page) => attr(page, 'nodeset') === undefined)
    .map((page) => sizeKiB(attr(page, 'size'), attr(page, 'unit')));
  return master.length > 1 ? `two master hugepages detected: ${master[1]} and ${master[0]}` : undefined;
}
