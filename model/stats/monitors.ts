/** What a resctrl monitor (Intel RDT, AMD QoS) tells of some of a domain's vCPUs. */
export interface ResctrlMonitor {
  /** Given in the XML, or made from the vCPUs: `vcpus_0-3`. */
  name?: string;
  /** A CPU list. */
  vcpus?: string;
  /** By libvirt's running index: a cache, or a memory controller. */
  readonly parts: Map<number, ResctrlPart>;
}

export interface ResctrlPart {
  /** The host's own number of the cache or the controller. */
  id?: number;
  /** Of the cache, now. */
  bytes?: number;
  /** Moved since the monitor began, to memory of the same NUMA node and in all. */
  localBytes?: number;
  totalBytes?: number;
}

export type MonitorKind = 'cache' | 'bandwidth';
type Put = (monitors: Map<number, ResctrlMonitor>, value: unknown) => void;

/** libvirt's names (virConnectGetAllDomainStats) behind the monitor's index, and ours. */
const KINDS = {
  cache: { prefix: 'cpu.cache.monitor.', part: 'bank', keys: { id: 'id', bytes: 'bytes' } },
  bandwidth: {
    prefix: 'memory.bandwidth.monitor.',
    part: 'node',
    keys: { id: 'id', 'bytes.local': 'localBytes', 'bytes.total': 'totalBytes' },
  },
} as const satisfies Record<
  MonitorKind,
  { prefix: string; part: string; keys: Readonly<Record<string, keyof ResctrlPart>> }
>;

/** The kind of monitor that a field is about, if any. */
export function monitorKindOf(field: string): MonitorKind | undefined {
  if (field.startsWith(KINDS.cache.prefix)) return 'cache';
  return field.startsWith(KINDS.bandwidth.prefix) ? 'bandwidth' : undefined;
}

/** Where a field of such a monitor goes; undefined for one that this version does not know. */
export function monitorField(kind: MonitorKind, field: string): Put | undefined {
  const { prefix, part, keys } = KINDS[kind];
  const match = /^(?:(\d{1,4})\.)?(?:(count|name|vcpus)|([a-z]+)\.(?:(count)|(\d{1,4})\.([a-z.]+)))$/.exec(
    field.slice(prefix.length),
  );
  if (match === null) return undefined;
  const [, index, own, partName, count, partIndex, name = ''] = match;
  // Counts of lists: their items are read instead.
  if (own === 'count' || count !== undefined) return () => undefined;
  if (index === undefined) return undefined;
  if (own === 'name' || own === 'vcpus') {
    return (monitors, value) => {
      monitorOf(monitors, Number(index))[own] = String(value);
    };
  }
  const key = Object.entries(keys).find(([theirs]) => theirs === name)?.[1];
  if (partName !== part || key === undefined) return undefined;
  return (monitors, value) => {
    const { parts } = monitorOf(monitors, Number(index));
    const found = parts.get(Number(partIndex)) ?? {};
    found[key] = Number(value);
    parts.set(Number(partIndex), found);
  };
}

function monitorOf(monitors: Map<number, ResctrlMonitor>, index: number): ResctrlMonitor {
  let monitor = monitors.get(index);
  if (monitor === undefined) {
    monitor = { parts: new Map() };
    monitors.set(index, monitor);
  }
  return monitor;
}
