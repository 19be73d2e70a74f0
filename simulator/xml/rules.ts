import { CpuSet, CpuSetError } from '../../model/cpu-set.ts';
import { attr, child, children, type Element, elementKiB, text, wholeNumber } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import type { Release } from '../release.ts';
import { cpuTuneRules } from './cpu-tune-rules.ts';
import { deviceRules } from './device-rules.ts';
import { ARCH, EMULATOR, machineNamed } from './machines.ts';
import { memoryRules } from './memory-rules.ts';
import { INTERNAL, type Rule, UNSUPPORTED, UNSUPPORTED_BY_QEMU, vcpusOf, XML_ERROR } from './rule.ts';

const PREFIX: Readonly<Record<number, string>> = {
  1: 'internal error: ',
  27: 'XML error: ',
  67: 'unsupported configuration: ',
};

/** @throws CallFailure with libvirt's error number and message. */
export function checkRules(domain: Element, release: Release): void {
  try {
    for (const [[code, from], against] of [...RULES, ...cpuTuneRules, ...memoryRules, ...deviceRules]) {
      const said = against(domain, release);
      if (said !== undefined) throw new CallFailure(code, `${PREFIX[code] ?? ''}${said}`, from);
    }
  } catch (error) {
    if (!(error instanceof CpuSetError)) throw error;
    throw new CallFailure(8, `invalid argument: Failed to parse bitmap: ${error.message}`, 0);
  }
}

const cellsOf = (domain: Element): Element[] => children(child(domain, 'cpu', 'numa'), 'cell');
const cpusOf = (cell: Element): CpuSet => CpuSet.parse(attr(cell, 'cpus') ?? '');

/** Checks of the machine as a whole. */
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
    (domain, release) => {
      const machine = attr(child(domain, 'os', 'type'), 'machine');
      if (machineNamed(release, machine) !== undefined) return undefined;
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
    (domain, release) => {
      const limit = machineNamed(release, attr(child(domain, 'os', 'type'), 'machine'))?.maxCpus ?? 0;
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
];
