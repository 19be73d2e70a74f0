import { percent } from '../../model/format.ts';
import type { Advice } from '../advice.ts';
import { isDatabase } from '../behaviour.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf } from '../evidence.ts';
import type { ObservedVm } from '../observation.ts';
import { cellsOf, pinnedCpus } from '../pins.ts';
import { profileFor, profileRemedy } from '../profile-remedy.ts';

const REMOTE = 0.2;
const REMOTE_BAD = 0.4;
const GAIN =
  '4 to 11 % more transactions with local memory (n0derunner.com, PostgreSQL: remote 95.5 %, without huge pages 89.4 %)';

/** VMs that would fit into one NUMA cell, but whose vCPUs are pinned to several. */
export function numaSplit(context: Context): Advice[] {
  return context.running.flatMap((vm) => {
    const cells = splitCells(vm, context);
    if (cells.length < 2) return [];
    return [
      {
        kind: 'numa-split',
        id: `numa-split:${vm.uuid.slice(0, 8)}`,
        severity: 'warn',
        title:
          'its vCPUs are pinned to several NUMA cells although it fits one: part of its memory is remote',
        victims: [{ ...refOf(vm), evidence: `cells ${cells.join(', ')}, pins ${pinnedCpus(vm.sample)}` }],
        evidence: [
          factOf('NUMA cells', cells.length),
          ...(remoteShareOf(vm) === undefined
            ? []
            : [factOf('accesses to another cell', 100 * (remoteShareOf(vm) ?? 0), '%')]),
        ],
        cause: 'pins that ignore the NUMA cells',
        culprits: [],
        remedies: [profileRemedy(context, vm, profileFor(vm), GAIN)],
        harm: 0,
      },
    ];
  });
}

const hasGuestCells = ({ facts }: ObservedVm): boolean => (facts?.cpu.cells.length ?? 0) > 1;

/** The cells that its pins span. A VM with guest cells was split on purpose. */
function splitCells(vm: ObservedVm, { observation }: Context): number[] {
  const cpus = pinnedCpus(vm.sample);
  if (cpus === undefined || vm.sample.fit?.widerThanCell === true) return [];
  if (hasGuestCells(vm)) return [];
  const cells = cellsOf(cpus, observation);
  // Pinned to all CPUs means not pinned.
  return observation.cpus?.isSubsetOf(cpus) === true ? [] : cells;
}

const remoteShareOf = ({ sample }: ObservedVm): number | undefined => sample.local?.memoryMap?.remoteShare;

/**
 * VMs whose memory is on other cells than their vCPUs, for a reason other than split pins. The share covers all pairs
 * of a vCPU and a byte: one half for a VM on two cells, even where each guest cell has its memory beside its vCPUs.
 */
export function remoteMemory(context: Context): Advice[] {
  return context.running.flatMap((vm) => {
    const share = remoteShareOf(vm) ?? 0;
    const spansCells = hasGuestCells(vm) || vm.sample.fit?.widerThanCell === true;
    if (share < REMOTE || spansCells || splitCells(vm, context).length > 1) return [];
    return [
      {
        kind: 'memory-remote',
        id: `memory-remote:${vm.uuid.slice(0, 8)}`,
        severity: share > REMOTE_BAD ? 'warn' : 'info',
        title: 'much of its memory is on other NUMA cells than its vCPUs',
        victims: [{ ...refOf(vm), evidence: `${percent(share * 100)} % of accesses go to another cell` }],
        evidence: [factOf('accesses to another cell', 100 * share, '%')],
        cause:
          pinnedCpus(vm.sample) === undefined
            ? 'its vCPUs run on any cell, and its memory stays where it was first used'
            : 'its memory is not bound to the cell of its vCPUs',
        culprits: [],
        remedies: [profileRemedy(context, vm, profileFor(vm), GAIN)],
        harm: 0,
      },
    ];
  });
}

/** A guest that is wider than a cell and does not see the cells places its memory at random. */
export function widerThanCell(context: Context): Advice[] {
  return context.running
    .filter(
      (vm) =>
        vm.sample.fit?.widerThanCell === true &&
        vm.sample.fit.widerThanHost !== true &&
        !hasGuestCells(vm) &&
        isDatabase(vm),
    )
    .map((vm) => ({
      kind: 'vm-wider-than-cell',
      id: `vm-wider-than-cell:${vm.uuid.slice(0, 8)}`,
      severity: 'info',
      title: 'a database that exceeds a NUMA cell, and whose guest has no NUMA topology',
      victims: [{ ...refOf(vm), evidence: `${vm.vcpus} vCPUs` }],
      evidence: [factOf('vCPUs', vm.vcpus)],
      cause: 'its definition has no guest cells',
      culprits: [],
      remedies: [profileRemedy(context, vm, 'oltp-database', GAIN)],
      harm: 0,
    }));
}
