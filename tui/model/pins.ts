import { pinOf } from '../../advice/pins.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import type { Vm } from './vm.ts';

/** vCPUs that are online. */
export function vcpuCount(vm: Vm): number | undefined {
  return vm.sample.summary.vcpus;
}

/** vCPUs that are pinned to a part of the host. */
export function pinnedCount(vm: Vm): number | undefined {
  if (vm.facts === undefined) return undefined;
  const count = vcpuCount(vm) ?? 0;
  let pinned = 0;
  for (let vcpu = 0; vcpu < count; vcpu++) if (pinOf(vm.sample, vcpu) !== undefined) pinned++;
  return pinned;
}

/** CPUs that its vCPUs ran on in this sample. */
export function seenCpus(vm: Vm): CpuSet | undefined {
  const places = vm.sample.summary.places?.filter(({ cpu }) => cpu >= 0);
  return places === undefined || places.length === 0 ? undefined : CpuSet.of(places.map(({ cpu }) => cpu));
}
