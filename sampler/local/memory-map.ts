import type { MemoryMapFigures } from '../../model/local.ts';
import type { HostTopology } from '../../model/topology.ts';
import { parseNamedNumbers } from '../host/proc.ts';
import { readProcFile, readSlowProcFile } from '../proc-file.ts';
import { readVcpuCpus } from './threads.ts';

/** The page size of x86 and most others; for a kernel that does not report it. */
const PAGE_KIB = 4;

/** Bytes by node, of all mappings (numa_maps, proc_pid_numa_maps(5)). */
export function parseNumaMaps(text: string): Map<number, number> {
  const bytes = new Map<number, number>();
  for (const line of text.split('\n')) {
    const pageKiB = Number(/ kernelpagesize_kB=(\d+)/.exec(line)?.[1] ?? PAGE_KIB);
    for (const match of line.matchAll(/ N(\d+)=(\d+)/g)) {
      const node = Number(match[1]);
      bytes.set(node, (bytes.get(node) ?? 0) + Number(match[2]) * pageKiB * 1_024);
    }
  }
  return bytes;
}

/** Size of the base pages, which KSM merges: the smallest of all mappings, since program and stack use them. */
function basePageKiB(numaMaps: string): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const [, size] of numaMaps.matchAll(/ kernelpagesize_kB=(\d+)/g))
    smallest = Math.min(smallest, Number(size));
  return Number.isFinite(smallest) ? smallest : PAGE_KIB;
}

/** Over all pairs of a vCPU and a byte: the share in which the vCPU last ran on another node than the byte's. */
export function remoteShare(
  nodeBytes: ReadonlyMap<number, number>,
  vcpuNodes: readonly number[],
): number | undefined {
  const total = [...nodeBytes.values()].reduce((a, b) => a + b, 0);
  if (total === 0 || vcpuNodes.length === 0) return undefined;
  let local = 0;
  for (const node of vcpuNodes) local += (nodeBytes.get(node) ?? 0) / total;
  return 1 - local / vcpuNodes.length;
}

/** Undefined where the kernel does not let this user look into the process. */
export async function readMemoryMap(
  procRoot: string,
  pid: number,
  topology: HostTopology | undefined,
): Promise<MemoryMapFigures | undefined> {
  const maps = await readSlowProcFile(`${procRoot}/${pid}/numa_maps`);
  if (maps === undefined || maps === '') return undefined;
  const nodeBytes = parseNumaMaps(maps);
  const rollup = parseNamedNumbers((await readSlowProcFile(`${procRoot}/${pid}/smaps_rollup`)) ?? '');
  const merged = readProcFile(`${procRoot}/${pid}/ksm_merging_pages`);
  const huge = ['AnonHugePages', 'Private_Hugetlb', 'Shared_Hugetlb'].map((name) => rollup.get(name));
  return {
    nodeBytes,
    remoteShare: remoteShare(nodeBytes, nodesOf(readVcpuCpus(procRoot, pid), topology)),
    hugeBytes: huge.every((kib) => kib === undefined)
      ? undefined
      : huge.reduce<number>((sum, kib) => sum + (kib ?? 0), 0) * 1_024,
    ksmMergedBytes: merged === undefined ? undefined : Number(merged) * basePageKiB(maps) * 1_024,
  };
}

function nodesOf(cpus: readonly number[], topology: HostTopology | undefined): number[] {
  return cpus.flatMap(
    (cpu) => topology?.cells.find((cell) => cell.cpus.some(({ id }) => id === cpu))?.id ?? [],
  );
}
