import { CpuSet } from '../../../model/cpu-set.ts';
import { child, children } from '../../../model/xml.ts';
import type { Problem } from '../../errors.ts';
import { vmMemoryCellsOf } from '../../facts/facts.ts';
import { parseCells } from '../../settings/numa.ts';
import { cpuNumbers } from '../../settings/values.ts';
import { type Check, type CheckView, check } from './check.ts';

function nodesKnown(nodes: CpuSet, { host }: CheckView): Problem | undefined {
  const known = CpuSet.of(host.topology.cells.map(({ id }) => id));
  const missing = nodes.difference(known);
  if (known.size === 0 || missing.size === 0) return undefined;
  return {
    code: 'NO_SUCH_CELL',
    text: `this host has no cell ${missing}; it has ${known}`,
  };
}

/** Only unbound memory always stays within what the control group allows. */
function nodesAllowed(nodes: CpuSet, { host }: CheckView): Problem | undefined {
  const allowed = vmMemoryCellsOf(host);
  const missing = nodes.difference(allowed);
  if (allowed.size === 0 || missing.size === 0) return undefined;
  return {
    code: 'CELL_NOT_FOR_VMS',
    text: `the domain's control group allows memory of cells ${allowed} only: bound to memory of cell ${missing}, the domain may fail to start`,
    next: 'see cpuset.mems.effective of its slice, and AllowedMemoryNodes= of that unit',
  };
}

const onlyOne = (mode: string | undefined, nodes: CpuSet): Problem | undefined =>
  mode === 'preferred' && nodes.size > 1
    ? {
        code: 'PREFERRED_ONE_CELL',
        text: `memory mode preferred accepts only one cell, but ${nodes} are ${nodes.size} cells`,
        next: 'use strict or interleave, or choose one cell',
      }
    : undefined;

export const numaChecks: readonly Check[] = [
  check(/^numatune\.nodeset$/, (value, _, view) => {
    const nodes = cpuNumbers(value);
    return nodesKnown(nodes, view) ?? nodesAllowed(nodes, view) ?? onlyOne(view.will('numatune.mode'), nodes);
  }),
  check(/^numatune\.mode$/, (value, _, view) => {
    const nodes = view.will('numatune.nodeset');
    if (nodes !== undefined) return onlyOne(value, cpuNumbers(nodes));
    return {
      code: 'NO_CELLS_NAMED',
      text: `${value} needs cells for memory, but none are set`,
      next: 'set cpu.pinning to place the domain, or set numa.nodes',
    };
  }),
  check(/^memnode$/, (value, { target }, view) => {
    const [mode, nodes] = value.split(' ');
    const cells = parseCells(view.will('numa.cells') ?? '');
    if (Number(target) >= cells.length) {
      return { code: 'NO_GUEST_CELL', text: `the guest will not have NUMA cell ${target}` };
    }
    // libvirt's own rule: memory placement is left to the kernel for the whole domain or not at all.
    const whole = view.will('numatune.mode');
    if (whole !== undefined && (whole === 'restrictive') !== (mode === 'restrictive')) {
      return {
        code: 'RESTRICTIVE_ALL',
        text: `the memory mode of a guest cell cannot be ${mode} if that of the domain is ${whole}`,
      };
    }
    const named = cpuNumbers(nodes);
    return nodesKnown(named, view) ?? nodesAllowed(named, view) ?? onlyOne(mode, named);
  }),
  {
    of: /^numa\.cells$/,
    find: ({ value }, { root, facts }) => {
      if (children(child(root, 'devices'), 'memory').length > 0) {
        return {
          code: 'MEMORY_DEVICES',
          text: 'cells that would change have hot-plugged memory',
          next: 'unplug it first, or do not set numa.cells',
        };
      }
      if (value === undefined) {
        return child(root, 'maxMemory') === undefined
          ? undefined
          : {
              code: 'MAX_MEMORY_NEEDS_CELLS',
              text: 'memory hotplug needs NUMA cells in the guest',
            };
      }
      const cells = parseCells(value);
      const vcpus = facts.cpu.vcpusMaximum ?? 1;
      return cells.length > vcpus || cells.some(({ memoryKiB }) => memoryKiB === 0)
        ? {
            code: 'TOO_MANY_CELLS',
            text: `${cells.length} cells are too many for ${vcpus} vCPUs and this memory`,
          }
        : undefined;
    },
  },
];
