import { CpuSet } from '../model/cpu-set.ts';
import type { DomainSample } from '../sampler/host-sample.ts';

type Sample = Pick<DomainSample, 'facts' | 'summary'>;

/** Where a vCPU may run by its own pin or the domain's; undefined where it may run anywhere. */
export function pinOf({ facts }: Sample, vcpu: number): CpuSet | undefined {
  return facts?.cpu.vcpuPins.get(vcpu) ?? facts?.cpu.cpuSet;
}

/** All CPUs that its vCPUs are pinned to; undefined when one of them may run anywhere. */
export function pinnedCpus(sample: Sample): CpuSet | undefined {
  const count = sample.summary.vcpus ?? 0;
  const cpus: number[] = [];
  for (let vcpu = 0; vcpu < count; vcpu++) {
    const pin = pinOf(sample, vcpu);
    if (pin === undefined) return undefined;
    cpus.push(...pin);
  }
  return cpus.length === 0 ? undefined : CpuSet.of(cpus);
}

/** Host cells that contain these CPUs. */
export function cellsOf(cpus: CpuSet, host: { readonly cellOf: ReadonlyMap<number, number> }): number[] {
  const cells = new Set<number>();
  for (const cpu of cpus) {
    const cell = host.cellOf.get(cpu);
    if (cell !== undefined) cells.add(cell);
  }
  return [...cells].sort((a, b) => a - b);
}
