import type { BalloonStats, BlockStats, NetStats, VcpuStats } from '../../../model/stats/types.ts';
import type { DomainSample } from '../../../sampler/host-sample.ts';

/** Counters of a sample to change. */
interface Change {
  readonly vcpus?: (vcpu: VcpuStats) => VcpuStats;
  readonly blocks?: (block: BlockStats) => BlockStats;
  readonly nets?: (net: NetStats) => NetStats;
  readonly balloon?: (balloon: BalloonStats) => BalloonStats;
}

/** A sample with changed counters: effects of a guest or a device that are not simulated. */
export function withStats({ outcome }: DomainSample, change: Change): Partial<DomainSample> {
  if (outcome.kind !== 'fresh') return {};
  const { stats } = outcome;
  return {
    outcome: {
      ...outcome,
      stats: {
        ...stats,
        vcpus: mapped(stats.vcpus, change.vcpus),
        blocks: mapped(stats.blocks, change.blocks),
        nets: mapped(stats.nets, change.nets),
        balloon: change.balloon === undefined ? stats.balloon : change.balloon(stats.balloon),
      },
    },
  };
}

function mapped<T>(all: ReadonlyMap<number, T>, each: ((value: T) => T) | undefined): ReadonlyMap<number, T> {
  return each === undefined ? all : new Map([...all].map(([key, value]) => [key, each(value)]));
}
