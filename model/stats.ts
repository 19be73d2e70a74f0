import type { TypedParam } from '../libvirt/typed-params.ts';

/** Figures of one domain at one moment. Whatever libvirt did not say is absent, never zero. */
export interface DomainStats {
  /** virDomainState */
  state?: number;
  reason?: number;
  cpu: CpuStats;
  balloon: BalloonStats;
  vcpuCurrent?: number;
  vcpuMaximum?: number;
  /** By vCPU id; ids may have gaps. */
  vcpus: ReadonlyMap<number, VcpuStats>;
  /** By libvirt's running index, which says nothing of a device: use `name`. */
  nets: ReadonlyMap<number, NetStats>;
  blocks: ReadonlyMap<number, BlockStats>;
  /** By iothread id; ids may have gaps. */
  ioThreads: ReadonlyMap<number, IoThreadStats>;
  dirtyRate: DirtyRateStats;
  /** Fields that this version does not know: a newer libvirt's, passed over. */
  unknownFields: number;
}

export interface CpuStats {
  timeNs?: number;
  userNs?: number;
  systemNs?: number;
  haltPollSuccessNs?: number;
  haltPollFailNs?: number;
}

/** The balloon's figures, the 13 tags of dommemstat among them. */
export interface BalloonStats {
  /** dommemstat's `actual`. */
  currentKiB?: number;
  maximumKiB?: number;
  swapInKiB?: number;
  swapOutKiB?: number;
  majorFaults?: number;
  minorFaults?: number;
  unusedKiB?: number;
  availableKiB?: number;
  usableKiB?: number;
  rssKiB?: number;
  lastUpdateSeconds?: number;
  diskCachesKiB?: number;
  hugetlbAllocations?: number;
  hugetlbFailures?: number;
}

export interface VcpuStats {
  /** virVcpuState: 0 offline, 1 running, 2 blocked. */
  state?: number;
  timeNs?: number;
  /** Waited for I/O, by the scheduler's count (needs CONFIG_SCHEDSTATS). */
  waitNs?: number;
  /** Was runnable but had no CPU: what the guest sees as steal. */
  delayNs?: number;
  halted?: boolean;
}

export interface NetStats {
  name?: string;
  rxBytes?: number;
  rxPackets?: number;
  rxErrors?: number;
  rxDrops?: number;
  txBytes?: number;
  txPackets?: number;
  txErrors?: number;
  txDrops?: number;
}

export interface BlockStats {
  /** The target, `vda`. */
  name?: string;
  path?: string;
  backingIndex?: number;
  readRequests?: number;
  readBytes?: number;
  readNs?: number;
  writeRequests?: number;
  writeBytes?: number;
  writeNs?: number;
  flushRequests?: number;
  flushNs?: number;
  errors?: number;
  allocationBytes?: number;
  capacityBytes?: number;
  physicalBytes?: number;
  thresholdBytes?: number;
}

export interface IoThreadStats {
  pollMaxNs?: number;
  pollGrow?: number;
  pollShrink?: number;
}

export interface DirtyRateStats {
  status?: number;
  startTimeSeconds?: number;
  periodSeconds?: number;
  megabytesPerSecond?: number;
}

/** libvirt's field names (virConnectGetAllDomainStats, libvirt 9.0.0 to 11.3.0) and ours for them. */
const DOMAIN_FIELDS = {
  cpu: {
    time: 'timeNs',
    user: 'userNs',
    system: 'systemNs',
    'haltpoll.success.time': 'haltPollSuccessNs',
    'haltpoll.fail.time': 'haltPollFailNs',
  } satisfies Record<string, keyof CpuStats>,
  balloon: {
    current: 'currentKiB',
    maximum: 'maximumKiB',
    swap_in: 'swapInKiB',
    swap_out: 'swapOutKiB',
    major_fault: 'majorFaults',
    minor_fault: 'minorFaults',
    unused: 'unusedKiB',
    available: 'availableKiB',
    usable: 'usableKiB',
    rss: 'rssKiB',
    'last-update': 'lastUpdateSeconds',
    disk_caches: 'diskCachesKiB',
    hugetlb_pgalloc: 'hugetlbAllocations',
    hugetlb_pgfail: 'hugetlbFailures',
  } satisfies Record<string, keyof BalloonStats>,
  dirtyrate: {
    calc_status: 'status',
    calc_start_time: 'startTimeSeconds',
    calc_period: 'periodSeconds',
    megabytes_per_second: 'megabytesPerSecond',
  } satisfies Record<string, keyof DirtyRateStats>,
} as const;

const DEVICE_FIELDS = {
  vcpu: {
    state: 'state',
    time: 'timeNs',
    wait: 'waitNs',
    delay: 'delayNs',
    halted: 'halted',
  } satisfies Record<string, keyof VcpuStats>,
  net: {
    name: 'name',
    'rx.bytes': 'rxBytes',
    'rx.pkts': 'rxPackets',
    'rx.errs': 'rxErrors',
    'rx.drop': 'rxDrops',
    'tx.bytes': 'txBytes',
    'tx.pkts': 'txPackets',
    'tx.errs': 'txErrors',
    'tx.drop': 'txDrops',
  } satisfies Record<string, keyof NetStats>,
  block: {
    name: 'name',
    path: 'path',
    backingIndex: 'backingIndex',
    'rd.reqs': 'readRequests',
    'rd.bytes': 'readBytes',
    'rd.times': 'readNs',
    'wr.reqs': 'writeRequests',
    'wr.bytes': 'writeBytes',
    'wr.times': 'writeNs',
    'fl.reqs': 'flushRequests',
    'fl.times': 'flushNs',
    errors: 'errors',
    allocation: 'allocationBytes',
    capacity: 'capacityBytes',
    physical: 'physicalBytes',
    threshold: 'thresholdBytes',
  } satisfies Record<string, keyof BlockStats>,
  iothread: {
    'poll-max-ns': 'pollMaxNs',
    'poll-grow': 'pollGrow',
    'poll-shrink': 'pollShrink',
  } satisfies Record<string, keyof IoThreadStats>,
} as const;

const TOP_FIELDS: Readonly<Record<string, 'state' | 'reason' | 'vcpuCurrent' | 'vcpuMaximum'>> = {
  'state.state': 'state',
  'state.reason': 'reason',
  'vcpu.current': 'vcpuCurrent',
  'vcpu.maximum': 'vcpuMaximum',
};

/** Known, and of no use: counts of lists (names are read instead, since ids may have gaps), and how dirty rate was measured. */
const IGNORED = new Set([
  'net.count',
  'block.count',
  'iothread.count',
  'cpu.cache.monitor.count',
  'dirtyrate.calc_mode',
]);
/** "Unknown" where libvirt has no better word: 2^64-1, as a bigint or rounded. */
const UNKNOWN_64 = 2 ** 64;

type Scalar = number | string | boolean;
type Bag = Record<string, Scalar>;

interface Draft {
  readonly top: Bag;
  readonly cpu: Bag;
  readonly balloon: Bag;
  readonly dirtyrate: Bag;
  readonly vcpu: Map<number, Bag>;
  readonly net: Map<number, Bag>;
  readonly block: Map<number, Bag>;
  readonly iothread: Map<number, Bag>;
  unknown: number;
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
  const match = /^([a-z]+)\.(?:(\d{1,9})\.)?(.+)$/.exec(field);
  if (match === null) return UNKNOWN;
  const [, group = '', index, rest = ''] = match;
  return index === undefined ? domainSlot(group, rest) : deviceSlot(group, Number(index), rest);
}

function domainSlot(group: string, rest: string): Slot {
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
  if (key === undefined) return UNKNOWN;
  return (draft, value) => {
    const devices = draft[group];
    let device = devices.get(index);
    if (device === undefined) {
      device = {};
      devices.set(index, device);
    }
    device[key] = value;
  };
}

/** Own keys only: a field called `constructor` is as unknown as any other. */
function lookUp<V>(table: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function isKey<T extends object>(table: T, key: string): key is keyof T & string {
  return Object.hasOwn(table, key);
}

/** One domain's record of a GetAllDomainStats reply, as named figures with units. */
export function readDomainStats(params: readonly TypedParam[]): DomainStats {
  const draft: Draft = {
    top: {},
    cpu: {},
    balloon: {},
    dirtyrate: {},
    vcpu: new Map(),
    net: new Map(),
    block: new Map(),
    iothread: new Map(),
    unknown: 0,
  };
  for (const { field, value } of params) {
    const plain = typeof value === 'bigint' ? Number(value) : value;
    if (plain !== UNKNOWN_64) slotOf(field)(draft, plain);
  }
  return {
    ...draft.top,
    cpu: draft.cpu,
    balloon: draft.balloon,
    dirtyRate: draft.dirtyrate,
    vcpus: draft.vcpu,
    nets: draft.net,
    blocks: draft.block,
    ioThreads: draft.iothread,
    unknownFields: draft.unknown,
  };
}

/** Memory that the guest cannot give back: available less usable, or less unused where usable is not told. */
export function memoryUsedKiB({ availableKiB, usableKiB, unusedKiB }: BalloonStats): number | undefined {
  const free = usableKiB ?? unusedKiB;
  return availableKiB === undefined || free === undefined ? undefined : availableKiB - free;
}
