import type { Effects } from './effects.ts';
import type { SimulatedVm } from './vm.ts';
import type { VmFacts } from './vm-facts.ts';
import type { Demand } from './workload.ts';

/** A VM that runs in a step, with all that decides what it does. */
export interface Running {
  readonly vm: SimulatedVm;
  readonly facts: VmFacts;
  readonly effects: Effects;
  readonly demand: Demand;
}
