import { CpuSet } from '../../model/cpu-set.ts';
import { type HostCell, onlineCpus, parseCapabilities } from '../../model/topology.ts';
import type { LocalRoots } from '../steps/step-host.ts';
import type { CellMemory, HostFacts, Reader } from './facts.ts';
import { readLocalHost } from './local-host.ts';

/** A newly started libvirtd probes its QEMUs before it reports capabilities. */
const TIMEOUT_MS = 120_000;
const BYTES_PER_KIB = 1_024;

/**
 * All host facts that tuning needs. `local` only if virtune runs on the host.
 * @throws RemoteError, CallAbandonedError as returned by libvirt; ModelXmlError for invalid capabilities.
 */
export async function readHost(
  connection: Reader,
  uri: string,
  local: LocalRoots | undefined,
): Promise<HostFacts> {
  const wait = { timeoutMs: TIMEOUT_MS };
  const [capabilities, hostname, libvirt, hypervisor, ksm] = await Promise.all([
    connection.call('connectGetCapabilities', undefined, wait),
    connection.call('connectGetHostname', undefined, wait),
    connection.call('connectGetLibVersion', undefined, wait),
    connection.call('connectGetVersion', undefined, wait),
    readKsm(connection),
  ]);
  const reported = parseCapabilities(capabilities.xml);
  const here = local && readLocalHost(local);
  // libvirt reports caches only if it can read resctrl or sysfs.
  const topology =
    reported.caches.length > 0 || here === undefined ? reported : { ...reported, caches: here.caches };
  return {
    uri,
    hostname: hostname.hostname,
    libvirtVersion: Number(libvirt.version),
    qemuVersion: Number(hypervisor.version),
    topology,
    online: await readOnline(connection, onlineCpus(topology)),
    cells: await Promise.all(topology.cells.map((cell) => readCell(connection, cell))),
    ksm,
    local: here,
  };
}

/** Falls back to the capabilities, since some drivers do not report it (libvirt's test driver). */
async function readOnline(connection: Reader, otherwise: CpuSet): Promise<CpuSet> {
  try {
    const { map } = await connection.call('nodeGetCpuMap', { needMap: 1, needOnline: 0, flags: 0 });
    return CpuSet.fromBitmap(map);
  } catch {
    return otherwise;
  }
}

/**
 * Values that a cell does not report are absent; libvirt may lack data for cells that it lists (those without CPUs).
 */
async function readCell(connection: Reader, cell: HostCell): Promise<CellMemory> {
  const [memory, pages] = await Promise.all([
    connection
      .call('nodeGetCellsFreeMemory', { startCell: cell.id, maxCells: 1 }, { timeoutMs: TIMEOUT_MS })
      .then(({ freeBytes }) => freeBytes[0], nothing),
    connection
      .call(
        'nodeGetFreePages',
        {
          pageSizesKiB: cell.pages.map(({ sizeKiB }) => sizeKiB),
          startCell: cell.id,
          cellCount: 1,
          flags: 0,
        },
        { timeoutMs: TIMEOUT_MS },
      )
      .then(({ counts }) => counts, nothing),
  ]);
  return {
    id: cell.id,
    freeKiB: memory === undefined ? undefined : Math.floor(Number(memory) / BYTES_PER_KIB),
    pages: cell.pages.flatMap(({ sizeKiB, total }, index) => {
      const free = pages?.[index];
      return free === undefined ? [] : [{ sizeKiB, total, free: Number(free) }];
    }),
  };
}

/** By libvirt's names without `shm_`; empty if the host has no KSM. */
async function readKsm(connection: Reader): Promise<ReadonlyMap<string, number>> {
  try {
    // The count has to be exact (libvirt, virNodeGetMemoryParameters).
    const { nparams } = await connection.call('nodeGetMemoryParameters', { nparams: 0, flags: 0 });
    const { params } = await connection.call('nodeGetMemoryParameters', { nparams, flags: 0 });
    return new Map(params.map(({ field, value }) => [field.replace(/^shm_/, ''), Number(value)]));
  } catch {
    return new Map();
  }
}

const nothing = (): undefined => undefined;
