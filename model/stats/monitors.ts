/** What a resctrl monitor (Intel RDT, AMD QoS) measures for some of a domain's vCPUs. */
export interface ResctrlMonitor {
  /** From the XML, or derived from the vCPUs: `vcpus_0-3`. */
  name?: string;
  /** A CPU list. */
  vcpus?: string;
  /** By libvirt's running index: a cache, a memory controller, or a CPU package. */
  readonly parts: Map<number, ResctrlPart>;
}

export interface ResctrlPart {
  /** The host's number of the cache, the controller or the package. */
  id?: number;
  /** Current cache occupancy. */
  bytes?: number;
  /** Traffic since the monitor began, to memory of the same NUMA node and in total. */
  localBytes?: number;
  totalBytes?: number;
  /** Energy that cores used for these vCPUs, and the same without frequency effects, since the monitor began. */
  coreEnergyJoules?: number;
  coreActivityFarads?: number;
}

export type MonitorKind = 'cache' | 'bandwidth' | 'energy';
type Put = (monitors: Map<number, ResctrlMonitor>, value: unknown) => void;

/** libvirt's names (virConnectGetAllDomainStats) after the monitor's index, and virtune's. */
const KINDS = {
  cache: { prefix: 'cpu.cache.monitor.', part: 'bank', keys: { id: 'id', bytes: 'bytes' } },
  bandwidth: {
    prefix: 'memory.bandwidth.monitor.',
    part: 'node',
    keys: { id: 'id', 'bytes.local': 'localBytes', 'bytes.total': 'totalBytes' },
  },
  // Linux's names and units after the package's index (Documentation/filesystems/resctrl.rst, PERF_PKG_MON).
  energy: {
    prefix: 'cpu.energy.monitor.',
    part: 'pkg',
    keys: { id: 'id', core_energy: 'coreEnergyJoules', activity: 'coreActivityFarads' },
  },
} as const satisfies Record<
  MonitorKind,
  { prefix: string; part: string; keys: Readonly<Record<string, keyof ResctrlPart>> }
>;

const MONITOR_KINDS = Object.keys(KINDS) as readonly MonitorKind[];

/** The kind of monitor that a field belongs to, if any. */
export function monitorKindOf(field: string): MonitorKind | undefined {
  return MONITOR_KINDS.find((kind) => field.startsWith(KINDS[kind].prefix));
}

/** Where a monitor's field goes; undefined for a field that this version does not know. */
export function monitorField(kind: MonitorKind, field: string): Put | undefined {
  const { prefix, part, keys } = KINDS[kind];
  const match = /^(?:(\d{1,4})\.)?(?:(count|name|vcpus)|([a-z]+)\.(?:(count)|(\d{1,4})\.([a-z._]+)))$/.exec(
    field.slice(prefix.length),
  );
  if (match === null) return undefined;
  const [, index, own, partName, count, partIndex, name = ''] = match;
  // List counts: the items are read instead.
  if (own === 'count' || count !== undefined) return () => undefined;
  if (index === undefined) return undefined;
  if (own === 'name' || own === 'vcpus') {
    return (monitors, value) => {
      if (typeof value === 'string') monitorOf(monitors, Number(index))[own] = value;
    };
  }
  const key = Object.entries(keys).find(([theirs]) => theirs === name)?.[1];
  if (partName !== part || key === undefined) return undefined;
  return (monitors, value) => {
    if (typeof value === 'string') return;
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
