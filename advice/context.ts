import { CpuLoad } from './cpu-load.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { HostObservation, ObservedVm } from './observation.ts';

/** Input of every kind of advice. */
export interface Context {
  readonly observation: HostObservation;
  readonly uri: string;
  /** Running VMs. */
  readonly running: readonly ObservedVm[];
  readonly load: CpuLoad | undefined;
  readonly budget: MemoryBudget;
  /** Fewer samples make a rate meaningless. */
  readonly minSamples: number;
}

export function contextOf(observation: HostObservation, minSamples: number): Context {
  return {
    observation,
    uri: observation.uri,
    running: observation.vms.filter(({ running }) => running),
    load: CpuLoad.of(observation),
    budget: new MemoryBudget(observation.newest),
    minSamples,
  };
}
