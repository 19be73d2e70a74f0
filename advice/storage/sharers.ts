import { contextOf } from '../context.ts';
import type { HostObservation, ObservedVm } from '../observation.ts';
import { type Use, usesOf } from './uses.ts';

/** A storage that a VM uses, and how much each VM of the host uses it. */
export interface SharedStorage {
  readonly storage: string;
  /** Bytes per second, mean over the window; the largest first. */
  readonly users: readonly { readonly vm: ObservedVm; readonly bytesPerSecond: number }[];
  /** Of the VM's own disks there, ms: the median of the slowest; absent without requests. */
  readonly latencyMs: number | undefined;
}

/** The users of the storage of a VM's disks: the counterpart of noisy neighbours for CPU. */
export function sharedStorage(observation: HostObservation, uuid: string): SharedStorage[] {
  const uses = usesOf(contextOf(observation, 1));
  const own = Map.groupBy(
    uses.filter(({ vm }) => vm.uuid === uuid),
    ({ storage }) => storage,
  );
  return [...own].map(([storage, disks]) => ({
    storage,
    users: usersOf(uses.filter((use) => use.storage === storage)),
    latencyMs: disks.reduce<number | undefined>((worst, { series }) => {
      const median = series.latencyMs.median;
      return median === undefined ? worst : Math.max(worst ?? 0, median);
    }, undefined),
  }));
}

function usersOf(uses: readonly Use[]): SharedStorage['users'] {
  return [...Map.groupBy(uses, ({ vm }) => vm)]
    .map(([vm, its]) => ({
      vm,
      bytesPerSecond: its.reduce((sum, { series }) => sum + (series.bytes.mean ?? 0), 0),
    }))
    .toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond);
}
