import { percent, ratio } from '../../model/format.ts';
import type { Affected, Evidence, Severity } from '../advice.ts';
import { refOf } from '../commands.ts';
import type { Context } from '../context.ts';
import type { CpuLoad } from '../cpu-load.ts';
import { meanOf, medianOf } from '../evidence.ts';
import type { HostObservation, ObservedVm } from '../observation.ts';
import { STEAL_BAD, STEAL_WARN } from './causes.ts';

/** Worst first, each with its steal. */
export function sufferers(vms: readonly ObservedVm[]): Affected[] {
  return vms
    .toSorted((a, b) => (b.steal.median ?? 0) - (a.steal.median ?? 0))
    .map((vm) => ({ ...refOf(vm), evidence: `steal ${percent(100 * (vm.steal.median ?? 0))} %` }));
}

/** Largest first, each with its CPU demand; demand above a quota takes no CPU from others. */
export function consumers(vms: readonly ObservedVm[], load: CpuLoad): Affected[] {
  return vms
    .toSorted((a, b) => load.demandOf(b) - load.demandOf(a))
    .map((vm) => ({
      ...refOf(vm),
      evidence: `demand ${ratio(load.demandOf(vm))} CPUs, gets ${ratio(vm.runCpus.mean ?? vm.usedCpus.mean ?? 0)}`,
    }));
}

/** Contention, summed over the victims. */
export function harmOf(vms: readonly ObservedVm[]): number {
  return vms.reduce((sum, { contention }) => sum + (contention.median ?? 0), 0);
}

export function severityOf(vms: readonly ObservedVm[]): Severity {
  return vms.some(({ steal }) => (steal.median ?? 0) >= STEAL_BAD) ? 'bad' : 'warn';
}

/** CPUs that are isolated, or not allowed to VMs, are of no use to those that wait. */
export function capacityText({ cpus }: CpuLoad, observation: Pick<HostObservation, 'cpus'>): string {
  const all = observation.cpus?.size ?? cpus.size;
  return cpus.size === all ? `the host has ${all} CPUs` : `VMs share ${cpus.size} of the host's ${all} CPUs`;
}

/** The worst victim's steal, and the CPU demand on the host. */
export function cpuEvidence(vms: readonly ObservedVm[], load: CpuLoad, { observation }: Context): Evidence[] {
  const worst = vms.toSorted((a, b) => (b.steal.median ?? 0) - (a.steal.median ?? 0))[0];
  return [
    ...(worst === undefined
      ? []
      : medianOf(vms.length === 1 ? 'CPU steal' : 'CPU steal of the worst VM', worst.steal, {
          unit: '%',
          scale: 100,
          limit: STEAL_WARN,
          over: observation,
        })),
    meanOf(`CPU demand (${capacityText(load, observation)})`, load.demand, 'CPUs', observation),
  ];
}
