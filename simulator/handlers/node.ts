import { ErrorCode, ErrorDomain } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { CallFailure } from '../call-failure.ts';
import { capabilitiesXml } from '../capabilities.ts';
import { domainCapabilitiesXml } from '../domain-capabilities.ts';
import type { SimulatedHost } from '../host.ts';
import { freeKiB } from '../host-memory.ts';
import { checkParams } from '../parameters/group.ts';
import { knows } from '../release.ts';
import { ARCH, EMULATOR, machineNamed } from '../xml/machines.ts';
import { type HandlerContext, type Handlers, invalid } from './context.ts';

const SMALL_PAGE_KIB = 4;
/** virNodeAllocPagesFlags */
const ALLOC_SET = 1;
const KNOBS = ['shm_pages_to_scan', 'shm_sleep_millisecs', 'shm_merge_across_nodes'].map((field) => ({
  field,
  type: ParamType.uint,
}));

/** libvirt's getters require exactly the count that they returned before. */
function exact<T>(items: readonly T[], nparams: number): { stats: readonly T[]; nparams: number } {
  if (nparams === 0) return { stats: [], nparams: items.length };
  if (nparams !== items.length) throw invalid(`nparams in must be equal to ${items.length}`);
  return { stats: items, nparams: 0 };
}

const failed = (code: number, message: string): CallFailure =>
  new CallFailure(code, message, ErrorDomain.none);

/** The selected cells. A count beyond the last cell is not an error if the first exists. */
function cellsFrom({ cells }: SimulatedHost, start: number, count: number): number[] {
  if (start >= cells.length || start < -1) {
    throw failed(
      ErrorCode.internal,
      `internal error: start cell ${start} out of range (0-${cells.length - 1})`,
    );
  }
  return cells.slice(Math.max(0, start), start === -1 ? undefined : start + count).map(({ id }) => id);
}

function requirePool({ hugepages }: SimulatedHost, sizeKiB: number, cell: number): void {
  if (sizeKiB !== SMALL_PAGE_KIB && !hugepages.has(sizeKiB))
    throw failed(
      ErrorCode.operationFailed,
      `operation failed: page size ${sizeKiB} is not available on node ${cell}`,
    );
}

/** KSM in libvirt's parameters; guest memory is merged only if a scenario says so. */
function ksmParams({ host }: HandlerContext): TypedParam[] {
  const knob = (field: string): TypedParam => ({
    field,
    type: ParamType.uint,
    value: host.ksm.get(field) ?? 0,
  });
  const figure = (name: string): TypedParam => ({
    field: `shm_${name}`,
    type: ParamType.ullong,
    value: host.ksm.get(`shm_${name}`) ?? 0,
  });
  return [
    knob('shm_pages_to_scan'),
    knob('shm_sleep_millisecs'),
    ...['pages_shared', 'pages_sharing', 'pages_unshared', 'pages_volatile', 'full_scans'].map(figure),
    knob('shm_merge_across_nodes'),
  ];
}

export const nodeHandlers: Handlers = {
  connectGetType: () => ({ type: 'QEMU' }),
  connectGetVersion: ({ host }) => ({ version: host.release.qemu }),
  connectGetLibVersion: ({ host }) => ({ version: host.release.libvirt }),
  connectGetHostname: ({ host }) => ({ hostname: host.name }),
  connectGetUri: () => ({ uri: 'qemu:///system' }),
  connectIsSecure: () => ({ secure: true }),
  nodeGetInfo({ host }) {
    const { coresPerSocket, threadsPerCore } = host.spec;
    return {
      model: 'x86_64',
      memoryKiB: host.memoryKiB,
      cpus: host.onlineCpus.size,
      mhz: 2_600,
      nodes: host.cells.length,
      sockets: 1,
      cores: coresPerSocket,
      threads: threadsPerCore,
    };
  },
  connectGetCapabilities: ({ host }) => ({ xml: capabilitiesXml(host) }),
  connectGetDomainCapabilities({ host }, { emulator, arch, machine, virtType }) {
    const refused = (message: string): CallFailure =>
      new CallFailure(ErrorCode.invalidArg, `invalid argument: ${message}`);
    if (emulator !== undefined && emulator !== EMULATOR)
      throw new CallFailure(
        ErrorCode.systemError,
        `Cannot check QEMU binary ${emulator}: No such file or directory`,
      );
    if (arch !== undefined && arch !== ARCH) throw refused(`unknown architecture: ${arch}`);
    if (virtType !== undefined && virtType !== 'kvm' && virtType !== 'qemu')
      throw refused(`Emulator '${EMULATOR}' does not support virt type '${virtType}'`);
    const known = machineNamed(host.release, machine);
    if (known === undefined)
      throw refused(`the machine '${machine}' is not supported by emulator '${EMULATOR}'`);
    return { xml: domainCapabilitiesXml(virtType ?? 'kvm', known) };
  },
  nodeGetCpuStats({ host }, { cpu, nparams }) {
    const counted = cpu === -1 ? host.cpuTimes : host.cpuTimes.slice(cpu, cpu + 1);
    if (counted.length === 0) throw invalid(`Invalid cpuNum in virHostCPUGetStatsLinux: ${cpu}`);
    const sum = (field: keyof (typeof counted)[number]): number =>
      Math.round(counted.reduce((total, times) => total + times[field], 0));
    const fields = ['kernel', 'user', 'idle', 'iowait'] as const;
    const stats = fields.map((field) => ({ field: field as string, value: sum(field) }));
    // Included in `user`, as Linux counts it: the time of vCPUs.
    if (knows(host.release, 'hostGuestTime')) stats.push({ field: 'guest', value: sum('user') });
    return exact(stats, nparams);
  },
  nodeGetMemoryStats({ host }, { nparams, cell }) {
    const cells = cell === -1 ? host.cells : host.cells.filter(({ id }) => id === cell);
    if (cells.length === 0) throw invalid(`cell ${cell} does not exist on this host`);
    const total = cells.reduce((sum, { memoryKiB }) => sum + memoryKiB, 0);
    const free = cells.reduce((sum, { id }) => sum + freeKiB(host, id), 0);
    const cached = host.memoryKiB * 0.02;
    const available = knows(host.release, 'hostAvailableMemory') && { available: free + cached };
    const figures = Object.entries({ total, free, ...available, buffers: 120_000, cached });
    const stats = figures.map(([field, valueKiB]) => ({ field, valueKiB: Math.round(valueKiB) }));
    // A single cell has only the first two.
    return exact(cell === -1 ? stats : stats.slice(0, 2), nparams);
  },
  nodeGetCellsFreeMemory: ({ host }, { startCell, maxCells }) => ({
    freeBytes: cellsFrom(host, startCell, maxCells).map((cell) => freeKiB(host, cell) * 1_024),
  }),
  nodeGetFreeMemory: ({ host }) => ({
    freeBytes: host.cells.reduce((sum, { id }) => sum + freeKiB(host, id) * 1_024, 0),
  }),
  nodeGetFreePages({ host }, { pageSizesKiB, startCell, cellCount }) {
    const counts = cellsFrom(host, startCell, cellCount).flatMap((cell) =>
      pageSizesKiB.map((sizeKiB) => {
        requirePool(host, sizeKiB, cell);
        return sizeKiB === SMALL_PAGE_KIB
          ? Math.floor(freeKiB(host, cell) / SMALL_PAGE_KIB)
          : host.hugepages.free(cell, sizeKiB);
      }),
    );
    return { counts };
  },
  /** If a pool cannot grow as far as requested, it keeps the size it reached. */
  nodeAllocPages({ host }, { pageSizesKiB, counts, startCell, cellCount, flags }) {
    const cells = cellsFrom(host, startCell, cellCount);
    for (const cell of cells) {
      pageSizesKiB.forEach((sizeKiB, index) => {
        if (sizeKiB === SMALL_PAGE_KIB) {
          throw failed(
            ErrorCode.operationUnsupported,
            "Operation not supported: system pages pool can't be modified",
          );
        }
        requirePool(host, sizeKiB, cell);
        const before = host.hugepages.total(cell, sizeKiB);
        const wanted = Number(counts[index] ?? 0) + ((flags & ALLOC_SET) === 0 ? before : 0);
        const got = host.hugepages.resize(cell, sizeKiB, wanted, freeKiB(host, cell));
        if (got === wanted) return;
        throw failed(
          ErrorCode.operationFailed,
          `operation failed: Unable to allocate ${wanted} pages. Allocated only ${got}`,
        );
      });
    }
    return { cellsAdjusted: cells.length };
  },
  nodeGetCpuMap({ host }, { needMap, needOnline }) {
    const bytes = Math.ceil(host.cpus.length / 8);
    return {
      map: needMap === 0 ? new Uint8Array() : host.onlineCpus.toBitmap(bytes),
      online: needOnline === 0 ? 0 : host.onlineCpus.size,
      total: host.cpus.length,
    };
  },
  nodeSetMemoryParameters({ host }, { params }) {
    checkParams(params, KNOBS);
    for (const { field, value } of params) host.ksm.set(field, Number(value));
    return undefined;
  },
  nodeGetMemoryParameters(context, { nparams }) {
    const { stats: params, nparams: count } = exact(ksmParams(context), nparams);
    return { params, nparams: count };
  },
};
