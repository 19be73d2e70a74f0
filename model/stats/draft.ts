import type { ResctrlMonitor } from './monitors.ts';

export type Scalar = number | string | boolean;
export type Bag = Record<string, Scalar | Map<string, unknown>>;

interface Maps {
  vcpu: Map<number, Bag>;
  net: Map<number, Bag>;
  block: Map<number, Bag>;
  iothread: Map<number, Bag>;
  perf: Map<string, number>;
  vm: Map<string, number>;
  cache: Map<number, ResctrlMonitor>;
  bandwidth: Map<number, ResctrlMonitor>;
  energy: Map<number, ResctrlMonitor>;
  vcpuDirtyRate: Map<number, number>;
  unknown: Map<string, number | undefined>;
}

/** The figures of one domain while its record is read. */
export interface Draft extends Maps {
  readonly top: Bag;
  readonly cpu: Bag;
  readonly balloon: Bag;
  readonly dirtyrate: Bag;
}

/** Stores the value of one field in a draft. */
export type Slot = (draft: Draft, value: Scalar) => void;

/** Shared by all domains for maps that are mostly empty, instead of thousands of empty maps. */
const NONE = new Map<never, never>();

export function newDraft(): Draft {
  return {
    top: {},
    cpu: {},
    balloon: {},
    dirtyrate: {},
    vcpu: NONE,
    net: NONE,
    block: NONE,
    iothread: NONE,
    perf: NONE,
    vm: NONE,
    cache: NONE,
    bandwidth: NONE,
    energy: NONE,
    vcpuDirtyRate: NONE,
    unknown: NONE,
  };
}

/** A map of a draft, created on first use. */
export function mapOf<K extends keyof Maps>(draft: Draft, key: K): Maps[K] {
  if (draft[key] === NONE) draft[key] = new Map() as Draft[K];
  return draft[key];
}

export function deviceOf(devices: Map<number, Bag>, index: number): Bag {
  let device = devices.get(index);
  if (device === undefined) {
    device = {};
    devices.set(index, device);
  }
  return device;
}

/** A map within a device's figures, created on first use. */
export function within<K, V>(bag: Bag, key: string): Map<K, V> {
  let map = bag[key];
  if (!(map instanceof Map)) {
    map = new Map();
    bag[key] = map;
  }
  return map as unknown as Map<K, V>;
}
