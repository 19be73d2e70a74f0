import { CpuLoad } from './cpu-load.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { HostObservation, ObservedVm } from './observation.ts';

/** What every kind of advice is computed from. */
export interface Context {
  readonly observation: HostObservation;
  readonly uri: string;
  /** Running VMs. */
  readonly running: readonly ObservedVm[];
  readonly load: CpuLoad | undefined;
  readonly budget: MemoryBudget;
  /** Samples without which a rate says nothing. */
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
