import type { Effects } from './effects.ts';
import type { SimulatedVm } from './vm.ts';
import type { VmFacts } from './vm-facts.ts';
import type { Demand } from './workload.ts';

/** A running VM in a step, with everything that determines its behaviour. */
export interface Running {
  readonly vm: SimulatedVm;
  readonly facts: VmFacts;
  readonly effects: Effects;
  readonly demand: Demand;
}
