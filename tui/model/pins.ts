import { CpuSet } from '../../model/cpu-set.ts';
import type { Vm } from './vm.ts';

/** vCPUs that are online. */
export function vcpuCount(vm: Vm): number | undefined {
  return vm.sample.summary.vcpus;
}

/** Where a vCPU may run by its own pin or the domain's; undefined where it may run anywhere. */
export function pinOf(vm: Vm, vcpu: number): CpuSet | undefined {
  return vm.facts?.cpu.vcpuPins.get(vcpu) ?? vm.facts?.cpu.cpuSet;
}

/** vCPUs that are bound to a part of the host. */
export function pinnedCount(vm: Vm): number | undefined {
  if (vm.facts === undefined) return undefined;
  const count = vcpuCount(vm) ?? 0;
  let pinned = 0;
  for (let vcpu = 0; vcpu < count; vcpu++) if (pinOf(vm, vcpu) !== undefined) pinned++;
  return pinned;
}

/** All CPUs that its vCPUs are pinned to; undefined when one of them may run anywhere. */
export function pinnedCpus(vm: Vm): CpuSet | undefined {
  const count = vcpuCount(vm) ?? 0;
  const cpus: number[] = [];
  for (let vcpu = 0; vcpu < count; vcpu++) {
    const pin = pinOf(vm, vcpu);
    if (pin === undefined) return undefined;
    cpus.push(...pin);
  }
  return cpus.length === 0 ? undefined : CpuSet.of(cpus);
}

/** Where its vCPUs were seen in this sample. */
export function seenCpus(vm: Vm): CpuSet | undefined {
  const places = vm.sample.summary.places?.filter(({ cpu }) => cpu >= 0);
  return places === undefined || places.length === 0 ? undefined : CpuSet.of(places.map(({ cpu }) => cpu));
}

/** Cells of the host that these CPUs lie in. */
export function cellsOf(cpus: CpuSet, host: { readonly cellOf: ReadonlyMap<number, number> }): number[] {
  const cells = new Set<number>();
  for (const cpu of cpus) {
    const cell = host.cellOf.get(cpu);
    if (cell !== undefined) cells.add(cell);
  }
  return [...cells].sort((a, b) => a - b);
}
