import { ParamType } from '../../libvirt/typed-params.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { capabilitiesXml, domainCapabilitiesXml } from '../xml.ts';
import { type HandlerContext, type Handlers, invalid } from './context.ts';

const SMALL_PAGE_KIB = 4;

/** libvirt's getters want exactly the count that they told before. */
function exact<T>(items: readonly T[], nparams: number): { stats: readonly T[]; nparams: number } {
  if (nparams === 0) return { stats: [], nparams: items.length };
  if (nparams !== items.length) throw invalid(`nparams in must be equal to ${items.length}`);
  return { stats: items, nparams: items.length };
}

/** What guests hold without hugepages, over all cells. */
function usedKiB({ host }: HandlerContext): number {
  return host.vms
    .filter((vm) => vm.active && vm.spec.hugepagesKiB === undefined)
    .reduce((sum, vm) => sum + vm.balloonKiB, 0);
}

function freeKiB(context: HandlerContext): number {
  const { host } = context;
  const pooledKiB = host.hugepages.reduce(
    (sum, pools) => sum + [...pools].reduce((inner, [sizeKiB, count]) => inner + sizeKiB * count, 0),
    0,
  );
  return Math.max(host.memoryKiB * 0.02, host.memoryKiB * 0.96 - pooledKiB - usedKiB(context));
}

export const nodeHandlers: Handlers = {
  connectGetType: () => ({ type: 'QEMU' }),
  connectGetVersion: () => ({ version: 7_002_000 }),
  connectGetLibVersion: () => ({ version: 9_000_000 }),
  connectGetHostname: ({ host }) => ({ hostname: host.name }),
  connectGetUri: () => ({ uri: 'qemu:///system' }),
  connectIsSecure: () => ({ secure: true }),
  nodeGetInfo({ host }) {
    const { sockets, coresPerSocket, threadsPerCore } = host.spec;
    return {
      model: 'x86_64',
      memoryKiB: host.memoryKiB,
      cpus: host.cpus.length,
      mhz: 2_600,
      nodes: sockets,
      sockets: 1,
      cores: coresPerSocket,
      threads: threadsPerCore,
    };
  },
  connectGetCapabilities: ({ host }) => ({ xml: capabilitiesXml(host) }),
  connectGetDomainCapabilities: ({ host }) => ({ xml: domainCapabilitiesXml(host) }),
  nodeGetCpuStats({ host }, { cpu, nparams }) {
    const counted = cpu === -1 ? host.cpuTimes : host.cpuTimes.slice(cpu, cpu + 1);
    if (counted.length === 0) throw invalid(`Invalid cpuNum in virHostCPUGetStatsLinux: ${cpu}`);
    const fields = ['kernel', 'user', 'idle', 'iowait'] as const;
    const stats = fields.map((field) => ({
      field,
      value: Math.round(counted.reduce((sum, times) => sum + times[field], 0)),
    }));
    return exact(stats, nparams);
  },
  nodeGetMemoryStats(context, { nparams, cell }) {
    const part = cell === -1 ? 1 : 1 / context.host.spec.sockets;
    const figures = {
      total: context.host.memoryKiB,
      free: freeKiB(context),
      buffers: 120_000,
      cached: context.host.memoryKiB * 0.02,
    };
    const stats = Object.entries(figures).map(([field, valueKiB]) => ({
      field,
      valueKiB: Math.round(valueKiB * part),
    }));
    return exact(cell === -1 ? stats : stats.slice(0, 2), nparams);
  },
  nodeGetCellsFreeMemory(context, { startCell, maxCells }) {
    const { sockets } = context.host.spec;
    const count = Math.max(0, Math.min(maxCells, sockets - startCell));
    return {
      freeBytes: Array.from({ length: count }, () => Math.round((freeKiB(context) / sockets) * 1_024)),
    };
  },
  nodeGetFreeMemory: (context) => ({ freeBytes: Math.round(freeKiB(context) * 1_024) }),
  nodeGetFreePages(context, { pageSizesKiB, startCell, cellCount }) {
    const { host } = context;
    const counts: number[] = [];
    for (let cell = startCell; cell < startCell + cellCount; cell++) {
      const pools = host.hugepages[cell];
      if (pools === undefined) throw invalid(`start cell ${cell} out of range`);
      for (const sizeKiB of pageSizesKiB) {
        const usedKiBOfSize = host.vms
          .filter((vm) => vm.active && vm.spec.hugepagesKiB === sizeKiB && (vm.spec.numaNode ?? 0) === cell)
          .reduce((sum, vm) => sum + vm.maximumKiB, 0);
        const free =
          sizeKiB === SMALL_PAGE_KIB
            ? freeKiB(context) / host.spec.sockets / SMALL_PAGE_KIB
            : (pools.get(sizeKiB) ?? 0) - usedKiBOfSize / sizeKiB;
        counts.push(Math.max(0, Math.round(free)));
      }
    }
    return { counts };
  },
  nodeAllocPages({ host }, { pageSizesKiB, counts, startCell, cellCount, flags }) {
    const [first, last] = startCell === -1 ? [0, host.hugepages.length] : [startCell, startCell + cellCount];
    for (const pools of host.hugepages.slice(first, last)) {
      pageSizesKiB.forEach((sizeKiB, index) => {
        const count = Number(counts[index] ?? 0);
        pools.set(sizeKiB, (flags & 1) !== 0 ? count : (pools.get(sizeKiB) ?? 0) + count);
      });
    }
    return { cellsAdjusted: last - first };
  },
  nodeGetCpuMap({ host }, { needMap, needOnline }) {
    const all = CpuSet.of(host.cpus.map((cpu) => cpu.id));
    const bytes = Math.ceil(host.cpus.length / 8);
    return {
      map: needMap === 0 ? new Uint8Array() : all.toBitmap(bytes),
      online: needOnline === 0 ? 0 : host.cpus.length,
      total: host.cpus.length,
    };
  },
  nodeSetMemoryParameters({ host }, { params }) {
    for (const { field, value } of params) host.ksm.set(field, Number(value));
    return undefined;
  },
  nodeGetMemoryParameters({ host }, { nparams }) {
    const params = [...host.ksm].map(([field, value]) => ({ field, type: ParamType.uint, value }));
    return { params: nparams === 0 ? [] : params.slice(0, nparams), nparams: params.length };
  },
};
