import type { TypedParam } from '../../libvirt/typed-params.ts';
import { DEVICE_FIELDS, DOMAIN_FIELDS, IGNORED, TOP_FIELDS } from './fields.ts';
import { type MonitorKind, monitorField, monitorKindOf, type ResctrlMonitor } from './monitors.ts';
import type { DomainStats, LatencyBin } from './types.ts';

/** "Unknown" where libvirt has no better word: 2^64-1, as a bigint or rounded. */
const UNKNOWN_64 = 2 ** 64;

type Scalar = number | string | boolean;
type Bag = Record<string, Scalar | Map<string, unknown>>;

interface Maps {
  vcpu: Map<number, Bag>;
  net: Map<number, Bag>;
  block: Map<number, Bag>;
  iothread: Map<number, Bag>;
  perf: Map<string, number>;
  vm: Map<string, number>;
  cache: Map<number, ResctrlMonitor>;
  bandwidth: Map<number, ResctrlMonitor>;
  vcpuDirtyRate: Map<number, number>;
}

interface Draft extends Maps {
  readonly top: Bag;
  readonly cpu: Bag;
  readonly balloon: Bag;
  readonly dirtyrate: Bag;
  unknown: number;
}

/** What most domains tell nothing of: one for all, so that thousands of empty maps need not be kept. */
const NONE = new Map<never, never>();

/** The map of a draft, its own from the first figure on. */
function own<K extends keyof Maps>(draft: Draft, key: K): Maps[K] {
  if (draft[key] === NONE) draft[key] = new Map() as Draft[K];
  return draft[key];
}

type Slot = (draft: Draft, value: Scalar) => void;

const IGNORE: Slot = () => undefined;
const UNKNOWN: Slot = (draft) => {
  draft.unknown++;
};

/**
 * Field names recur for every domain and tick, so each is understood once. Bounded, since the names come
 * from outside: when it is full it starts afresh.
 */
const SLOTS_MAX = 65_536;
const slots = new Map<string, Slot>();

function slotOf(field: string): Slot {
  let slot = slots.get(field);
  if (slot === undefined) {
    slot = understand(field);
    if (slots.size >= SLOTS_MAX) slots.clear();
    slots.set(field, slot);
  }
  return slot;
}

function understand(field: string): Slot {
  if (IGNORED.has(field)) return IGNORE;
  const top = lookUp(TOP_FIELDS, field);
  if (top !== undefined) {
    return (draft, value) => {
      draft.top[top] = value;
    };
  }
  const monitor = monitorKindOf(field);
  if (monitor !== undefined) return monitorSlot(monitor, field);
  const dirtyVcpu = /^dirtyrate\.vcpu\.(\d{1,9})\.megabytes_per_second$/.exec(field)?.[1];
  if (dirtyVcpu !== undefined) {
    return (draft, value) => {
      own(draft, 'vcpuDirtyRate').set(Number(dirtyVcpu), Number(value));
    };
  }
  const match = /^([a-z]+)\.(?:(\d{1,9})\.)?(.+)$/.exec(field);
  if (match === null) return UNKNOWN;
  const [, group = '', index, rest = ''] = match;
  return index === undefined ? domainSlot(group, rest) : deviceSlot(group, Number(index), rest);
}

function monitorSlot(kind: MonitorKind, field: string): Slot {
  const put = monitorField(kind, field);
  return put === undefined ? UNKNOWN : (draft, value) => put(own(draft, kind), value);
}

function domainSlot(group: string, rest: string): Slot {
  if (group === 'perf' || (group === 'vm' && isKvmName(rest))) {
    return (draft, value) => {
      own(draft, group).set(rest, Number(value));
    };
  }
  if (!isKey(DOMAIN_FIELDS, group)) return UNKNOWN;
  const key = lookUp(DOMAIN_FIELDS[group], rest);
  if (key === undefined) return UNKNOWN;
  return (draft, value) => {
    draft[group][key] = value;
  };
}

function deviceSlot(group: string, index: number, rest: string): Slot {
  if (!isKey(DEVICE_FIELDS, group)) return UNKNOWN;
  const key = lookUp(DEVICE_FIELDS[group], rest);
  if (key !== undefined) {
    return (draft, value) => {
      deviceOf(own(draft, group), index)[key] = value;
    };
  }
  if (group === 'vcpu' && isKvmName(rest)) {
    return (draft, value) => {
      within<number>(deviceOf(own(draft, 'vcpu'), index), 'kvm').set(rest, Number(value));
    };
  }
  return group === 'block' ? latencySlot(index, rest) : UNKNOWN;
}

/** `latency_histogram.read.bin.3.start`, ns, and `.value`, requests (libvirt 12.1 and newer). */
function latencySlot(index: number, rest: string): Slot {
  const match = /^latency_histogram\.([a-z_]+)\.bin\.(?:count|(\d{1,4})\.(start|value))$/.exec(rest);
  if (match === null) return UNKNOWN;
  const [, operation = '', bin, what] = match;
  if (bin === undefined) return IGNORE;
  const key = what === 'start' ? 'startNs' : 'count';
  return (draft, value) => {
    const byOperation = within<LatencyBin[]>(deviceOf(own(draft, 'block'), index), 'latency');
    let bins = byOperation.get(operation);
    if (bins === undefined) {
      bins = [];
      byOperation.set(operation, bins);
    }
    const place = Number(bin);
    while (bins.length <= place) bins.push({});
    (bins[place] as LatencyBin)[key] = Number(value);
  };
}

/** Names are KVM's own and grow with each kernel; what they end in is libvirt's. */
function isKvmName(rest: string): boolean {
  return /^[\w-]+\.(sum|cur|max)$/.test(rest);
}

function deviceOf(devices: Map<number, Bag>, index: number): Bag {
  let device = devices.get(index);
  if (device === undefined) {
    device = {};
    devices.set(index, device);
  }
  return device;
}

function within<V>(bag: Bag, key: string): Map<string, V> {
  let map = bag[key];
  if (!(map instanceof Map)) {
    map = new Map();
    bag[key] = map;
  }
  return map as Map<string, V>;
}

/** Own keys only: a field called `constructor` is as unknown as any other. */
function lookUp<V>(table: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function isKey<T extends object>(table: T, key: string): key is keyof T & string {
  return Object.hasOwn(table, key);
}

/**
 * libvirt says 0 where the kernel does not count (virProcessGetSchedInfo and virProcessGetSchedstatDelay start from 0, and
 * find no line to read). A thread that has run has waited for some nanoseconds, so a measured 0 does not occur.
 */
function dropUnmeasured(vcpu: Bag): void {
  if (vcpu['waitNs'] === 0) delete vcpu['waitNs'];
  if (vcpu['delayNs'] === 0 && vcpu['timeNs'] !== 0) delete vcpu['delayNs'];
}

/** One domain's record of a GetAllDomainStats reply, as named figures with units. */
export function readDomainStats(params: readonly TypedParam[]): DomainStats {
  const draft: Draft = {
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
    vcpuDirtyRate: NONE,
    unknown: 0,
  };
  for (const { field, value } of params) {
    const plain = typeof value === 'bigint' ? Number(value) : value;
    if (plain !== UNKNOWN_64) slotOf(field)(draft, plain);
  }
  for (const vcpu of draft.vcpu.values()) dropUnmeasured(vcpu);
  return {
    ...draft.top,
    cpu: draft.cpu,
    balloon: draft.balloon,
    dirtyRate: draft.dirtyrate,
    vcpus: draft.vcpu,
    nets: draft.net,
    blocks: draft.block,
    ioThreads: draft.iothread,
    perf: draft.perf,
    kvm: draft.vm,
    cacheMonitors: draft.cache,
    bandwidthMonitors: draft.bandwidth,
    vcpuDirtyRate: draft.vcpuDirtyRate,
    unknownFields: draft.unknown,
  };
}
