import { percent } from '../../model/format.ts';
import type { VmRef } from '../advice.ts';
import { refOf } from '../commands.ts';
import type { CpuLoad, Served, VmLoad } from '../cpu-load.ts';
import type { ObservedVm } from '../observation.ts';

/** A smaller loss is below the accuracy of the computation. */
const NOTICEABLE = 0.02;

/** The effect of a change on the CPU time of all VMs of the host, computed from their demand. */
export interface WhatIf {
  /** Share of the victims' demand that is not served, 0 to 1; before and after. */
  readonly shortBefore: number;
  readonly shortAfter: number;
  /** The share of the victims' demand that may only run on CPUs without time left. */
  readonly contendedBefore: number;
  readonly contendedAfter: number;
  /** VMs other than the payers that lose noticeable CPU time, or whose CPUs would have no time left. */
  readonly harmed: readonly VmRef[];
  readonly served: ReadonlyMap<string, Served>;
  readonly before: ReadonlyMap<string, Served>;
}

/** `payers`: VMs that may lose by it, since the advice states that. */
export function whatIf(
  load: CpuLoad,
  victims: readonly ObservedVm[],
  payers: readonly ObservedVm[],
  change: (load: VmLoad) => VmLoad,
): WhatIf {
  const before = load.served();
  const served = load.served(change);
  const paying = new Set(payers.map(({ uuid }) => uuid));
  const harmed = new Map<string, VmRef>();
  for (const { vm } of load.loads) {
    if (vm === undefined || paying.has(vm.uuid)) continue;
    const isShort = shareOf(served, vm) < shareOf(before, vm) - NOTICEABLE;
    if (isShort || contendedOf(served, [vm]) > contendedOf(before, [vm]) + NOTICEABLE) {
      harmed.set(vm.uuid, refOf(vm));
    }
  }
  return {
    shortBefore: shortOf(before, victims),
    shortAfter: shortOf(served, victims),
    contendedBefore: contendedOf(before, victims),
    contendedAfter: contendedOf(served, victims),
    harmed: [...harmed.values()],
    served,
    before,
  };
}

/** Share of a VM's demand that is served, 0 to 1. */
export function shareOf(served: ReadonlyMap<string, Served>, { uuid }: Pick<ObservedVm, 'uuid'>): number {
  const found = served.get(uuid);
  return found === undefined || found.demand <= 0 ? 1 : found.served / found.demand;
}

/** Whether it at least halves what the victims lack, at the expense of no other VM. */
export function isWorthwhile(result: WhatIf): boolean {
  const { harmed, shortBefore, contendedBefore } = result;
  return harmed.length === 0 && (shortBefore > 0 || contendedBefore > 0) && leftOf(result) <= 1 / 2;
}

/**
 * The fraction of the victims' contention that remains. VMs whose demand is not fully served wait for that; others wait
 * on wakeup for the running thread, as long as their CPUs have no time left.
 */
function leftOf({ shortBefore, shortAfter, contendedBefore, contendedAfter }: WhatIf): number {
  if (contendedBefore > 0 && shortBefore <= NOTICEABLE) return contendedAfter / contendedBefore;
  return shortBefore <= 0 ? 0 : shortAfter / shortBefore;
}

/**
 * How much less the victims wait: the measured contention, and the part of it that remains, computed from the demand of
 * all VMs. Measured and computed contention differ: a thread that wakes up waits for the running one, even within its
 * share.
 */
export function gainText(result: WhatIf, victims: readonly ObservedVm[]): string {
  if (victims.length === 0) return 'the CPU demand of the remaining VMs is fully served';
  const sum = (read: (vm: ObservedVm) => number | undefined): number =>
    victims.reduce((all, vm) => all + (read(vm) ?? 0), 0);
  const [delay, run] = [sum(({ delayCpus }) => delayCpus.mean), sum(({ runCpus }) => runCpus.mean)];
  const measured = delay <= 0 ? 0 : delay / (delay + run);
  const left = measured * Math.min(1, leftOf(result));
  return `CPU contention of the victims falls from ${percent(100 * measured)} % to about ${percent(100 * left)} %, computed from the CPU demand of this host's VMs`;
}

function shortOf(served: ReadonlyMap<string, Served>, vms: readonly ObservedVm[]): number {
  let [demand, got] = [0, 0];
  for (const { uuid } of vms) {
    const each = served.get(uuid);
    demand += each?.demand ?? 0;
    got += each?.served ?? 0;
  }
  return demand <= 0 ? 0 : Math.max(0, 1 - got / demand);
}

function contendedOf(served: ReadonlyMap<string, Served>, vms: readonly Pick<ObservedVm, 'uuid'>[]): number {
  let [demand, contended] = [0, 0];
  for (const { uuid } of vms) {
    const each = served.get(uuid);
    demand += each?.demand ?? 0;
    contended += each?.contended ?? 0;
  }
  return demand <= 0 ? 0 : contended / demand;
}
