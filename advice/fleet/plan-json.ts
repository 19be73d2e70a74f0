import type { FleetLimits } from './fleet.ts';
import type { FleetPlan } from './plan.ts';
import type { LeftOut } from './read/read-fleet.ts';

/** What a plan was made from. */
export interface PlanBasis {
  readonly limits: FleetLimits;
  readonly rangeSeconds: number;
  readonly leftOut: readonly LeftOut[];
  readonly warnings: readonly string[];
}

/** The plan for programs; units are in names. Within format 1, fields keep their names and meanings. */
export function planJson(
  { moves, hosts, clusters }: FleetPlan,
  { limits, rangeSeconds, leftOut, warnings }: PlanBasis,
): object {
  return {
    format: 1,
    rangeSeconds,
    limits,
    moves: moves.map(({ vm, from, to, why, cost }) => ({
      uuid: vm.uuid,
      name: vm.name,
      cluster: from.cluster,
      from: from.instance,
      to: to.instance,
      why,
      bytes: Math.round(cost.bytes),
      seconds: Math.round(cost.seconds),
    })),
    hosts: hosts.map(({ host, state, before, after, reason }) => ({
      cluster: host.cluster,
      instance: host.instance,
      state,
      reason: reason ?? null,
      before: strainJson(before),
      after: strainJson(after),
      measuredContention: host.measuredContention ?? null,
      vms: host.vms.length,
    })),
    clusters: clusters.map(({ cluster, hosts: count, strandedBefore, stranded }) => ({
      cluster,
      hosts: count,
      hostsStrandingVmsBefore: strandedBefore,
      stranded: stranded.map(({ host, vm, lacks }) => ({
        instance: host.instance,
        uuid: vm.uuid,
        name: vm.name,
        lacks,
      })),
    })),
    leftOut,
    warnings,
  };
}

const strainJson = ({ contention, slot, memory }: FleetPlan['hosts'][number]['before']) => ({
  contention,
  worstHourUtc: contention > 0 ? slot : null,
  memory,
});
