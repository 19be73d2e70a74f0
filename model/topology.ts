import { CpuSet } from './cpu-set.ts';
import {
  attr,
  child,
  children,
  type Element,
  elementKiB,
  parseXml,
  sizeKiB,
  text,
  wholeNumber,
} from './xml.ts';

export interface HostCpu {
  readonly id: number;
  /** Absent for a CPU that is offline. */
  readonly socketId: number | undefined;
  readonly dieId: number | undefined;
  readonly coreId: number | undefined;
  /** Itself and the threads that share its core. */
  readonly siblings: CpuSet;
}

export interface PagePool {
  readonly sizeKiB: number;
  /** Pages of this size in the cell, used or free. */
  readonly total: number;
}

export interface HostCell {
  readonly id: number;
  readonly memoryKiB: number | undefined;
  readonly pages: readonly PagePool[];
  /** To each cell, itself included, from the firmware's SLIT; 10 is local. */
  readonly distances: ReadonlyMap<number, number>;
  readonly cpus: readonly HostCpu[];
}

export interface CacheBank {
  readonly level: number;
  readonly id: number;
  readonly sizeKiB: number | undefined;
  readonly cpus: CpuSet;
  /** What resctrl can allocate of it; absent where the host has no resctrl, or it is not mounted. */
  readonly controls?: readonly CacheControl[] | undefined;
}

export interface CacheControl {
  /** `both`, or `code` and `data` separately on a host with code and data prioritisation. */
  readonly type: string;
  readonly granularityKiB: number;
  readonly leastKiB: number;
}

/** Memory bandwidth that resctrl can allocate, in percent. */
export interface BandwidthControl {
  readonly id: number;
  readonly granularity: number;
  readonly least: number;
}

export interface HostTopology {
  readonly arch: string | undefined;
  readonly cpuModel: string | undefined;
  readonly cells: readonly HostCell[];
  /** Last-level caches; empty where libvirt could not read resctrl or sysfs. */
  readonly caches: readonly CacheBank[];
  readonly memoryBandwidth?: readonly BandwidthControl[] | undefined;
}

/** The host's base page size: the smallest that any cell reports. */
export function basePageKiB({ cells }: HostTopology): number | undefined {
  const sizesKiB = cells.flatMap((cell) => cell.pages.map((pool) => pool.sizeKiB));
  return sizesKiB.length === 0 ? undefined : Math.min(...sizesKiB);
}

/**
 * The host section of the capabilities XML (https://libvirt.org/formatcaps.html).
 * @throws ModelXmlError when it is not such a document.
 */
export function parseCapabilities(xml: string): HostTopology {
  const root = parseXml('the capabilities', xml, 'capabilities');
  const host = child(root, 'host');
  return {
    arch: text(child(host, 'cpu', 'arch')),
    cpuModel: text(child(host, 'cpu', 'model')),
    cells: children(child(host, 'topology', 'cells'), 'cell').map(cell),
    caches: children(child(host, 'cache'), 'bank').map((bank) => ({
      level: wholeNumber(attr(bank, 'level')) ?? 0,
      id: wholeNumber(attr(bank, 'id')) ?? 0,
      sizeKiB: sizeKiB(attr(bank, 'size'), attr(bank, 'unit')),
      cpus: cpuSet(attr(bank, 'cpus')),
      controls: children(bank, 'control').map(cacheControl),
    })),
    memoryBandwidth: children(child(host, 'memory_bandwidth'), 'node').flatMap(bandwidthControl),
  };
}

function cacheControl(element: Element): CacheControl {
  const unit = attr(element, 'unit');
  const granularityKiB = sizeKiB(attr(element, 'granularity'), unit) ?? 1;
  return {
    type: attr(element, 'type') ?? 'both',
    granularityKiB,
    leastKiB: sizeKiB(attr(element, 'min'), unit) ?? granularityKiB,
  };
}

function bandwidthControl(element: Element): BandwidthControl[] {
  const control = child(element, 'control');
  if (control === undefined) return [];
  const granularity = wholeNumber(attr(control, 'granularity')) ?? 1;
  const least = wholeNumber(attr(control, 'min')) ?? granularity;
  return [{ id: wholeNumber(attr(element, 'id')) ?? 0, granularity, least }];
}

/** The machine's UUID from its capabilities; undefined where there is none or they cannot be parsed. */
export function hostUuid(xml: string): string | undefined {
  try {
    return text(child(parseXml('the capabilities', xml, 'capabilities'), 'host', 'uuid'));
  } catch {
    return undefined;
  }
}

function cell(element: Element): HostCell {
  const distances = children(child(element, 'distances'), 'sibling').map(
    (sibling) => [wholeNumber(attr(sibling, 'id')) ?? 0, wholeNumber(attr(sibling, 'value')) ?? 0] as const,
  );
  return {
    id: wholeNumber(attr(element, 'id')) ?? 0,
    memoryKiB: elementKiB(child(element, 'memory')),
    pages: children(element, 'pages').map((pages) => ({
      sizeKiB: sizeKiB(attr(pages, 'size'), attr(pages, 'unit')) ?? 0,
      total: wholeNumber(text(pages)) ?? 0,
    })),
    distances: new Map(distances),
    cpus: children(child(element, 'cpus'), 'cpu').map(cpu),
  };
}

function cpu(element: Element): HostCpu {
  const id = wholeNumber(attr(element, 'id')) ?? 0;
  const siblings = attr(element, 'siblings');
  return {
    id,
    socketId: wholeNumber(attr(element, 'socket_id')),
    dieId: wholeNumber(attr(element, 'die_id')),
    coreId: wholeNumber(attr(element, 'core_id')),
    siblings: siblings === undefined ? CpuSet.of([id]) : cpuSet(siblings),
  };
}

function cpuSet(list: string | undefined): CpuSet {
  return list === undefined ? CpuSet.empty : CpuSet.parse(list);
}

/** Every CPU of the host that is online. */
export function onlineCpus(topology: HostTopology): CpuSet {
  return topology.cells.reduce((all, each) => all.union(cellCpus(each)), CpuSet.empty);
}

/** The CPUs of a cell that are online. */
export function cellCpus(each: HostCell): CpuSet {
  return CpuSet.of(each.cpus.filter((one) => one.coreId !== undefined).map((one) => one.id));
}
