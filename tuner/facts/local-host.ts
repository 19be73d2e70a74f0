import { CpuSet } from '../../model/cpu-set.ts';
import { listNames, readProcFile } from '../../sampler/proc-file.ts';
import type { LocalRoots } from '../steps/step-host.ts';

/** What the host's own kernel tells; absent is what it does not have, or does not let this user read. */
export interface LocalHost {
  /** Kept from the scheduler at boot (isolcpus). */
  readonly isolatedCpus: CpuSet | undefined;
  readonly hugetlbfs: readonly HugetlbfsMount[];
  /** Which control groups hold VMs: it decides the range of CPU shares. */
  readonly cgroupVersion: 1 | 2 | undefined;
  /** The word in brackets of transparent_hugepage/enabled. */
  readonly transparentHugepages: string | undefined;
  /** Of all CPUs that have one. */
  readonly governors: ReadonlySet<string> | undefined;
  /** The longest that a CPU may take to leave an idle state that is not switched off, µs. */
  readonly idleLatencyUs: number | undefined;
  readonly swappiness: number | undefined;
  readonly numaBalancing: boolean | undefined;
  /** Whether ksmd runs: 1; 0: stopped; 2: stopped, and pages taken apart again. */
  readonly ksmRun: number | undefined;
}

export interface HugetlbfsMount {
  readonly path: string;
  /** Absent: the host's default size. */
  readonly sizeKiB: number | undefined;
}

export function readLocalHost({ procRoot, sysRoot, cgroupRoot }: LocalRoots): LocalHost {
  const sys = (path: string): string | undefined => readProcFile(`${sysRoot}/${path}`)?.trim();
  const proc = (path: string): string | undefined => readProcFile(`${procRoot}/${path}`)?.trim();
  const isolated = sys('devices/system/cpu/isolated');
  return {
    isolatedCpus: isolated === undefined ? undefined : parseCpus(isolated),
    hugetlbfs: parseHugetlbfs(proc('mounts') ?? ''),
    cgroupVersion: cgroupVersion(cgroupRoot),
    transparentHugepages: /\[(\w+)\]/.exec(sys('kernel/mm/transparent_hugepage/enabled') ?? '')?.[1],
    governors: readGovernors(sysRoot),
    idleLatencyUs: readIdleLatency(sysRoot),
    swappiness: number(proc('sys/vm/swappiness')),
    numaBalancing: switchOf(proc('sys/kernel/numa_balancing')),
    ksmRun: number(sys('kernel/mm/ksm/run')),
  };
}

/** `hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0` (proc_mounts(5)). */
export function parseHugetlbfs(mounts: string): HugetlbfsMount[] {
  return mounts.split('\n').flatMap((line) => {
    const [, path, type, options = ''] = line.split(' ');
    if (type !== 'hugetlbfs' || path === undefined) return [];
    const [, count, unit] = /(?:^|,)pagesize=(\d+)([KMG]?)(?:,|$)/.exec(options) ?? [];
    const sizeKiB = count === undefined ? undefined : (Number(count) * (UNITS[unit ?? ''] ?? 1)) / 1_024;
    // Blanks and the like in paths are octal there.
    const plain = path.replaceAll(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    return [{ path: plain, sizeKiB }];
  });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1_024, M: 1_024 ** 2, G: 1_024 ** 3 };

/** The unified hierarchy has this file at its top (cgroups(7)); a hybrid one mounts it beside the others. */
function cgroupVersion(cgroupRoot: string): 1 | 2 | undefined {
  if (readProcFile(`${cgroupRoot}/cgroup.controllers`) !== undefined) return 2;
  return listNames(cgroupRoot).some((name) => name.split(',').includes('cpu')) ? 1 : undefined;
}

function readGovernors(sysRoot: string): ReadonlySet<string> | undefined {
  const found = cpuFolders(sysRoot).flatMap(
    (folder) => readProcFile(`${folder}/cpufreq/scaling_governor`)?.trim() ?? [],
  );
  return found.length === 0 ? undefined : new Set(found);
}

function readIdleLatency(sysRoot: string): number | undefined {
  const latencies = cpuFolders(sysRoot).flatMap((folder) =>
    listNames(`${folder}/cpuidle`).flatMap((state) => {
      const read = (name: string): number | undefined =>
        number(readProcFile(`${folder}/cpuidle/${state}/${name}`)?.trim());
      return read('disable') === 1 ? [] : (read('latency') ?? []);
    }),
  );
  return latencies.length === 0 ? undefined : latencies.reduce((a, b) => Math.max(a, b));
}

function cpuFolders(sysRoot: string): string[] {
  const root = `${sysRoot}/devices/system/cpu`;
  return listNames(root).flatMap((name) => (/^cpu\d+$/.test(name) ? `${root}/${name}` : []));
}

function parseCpus(text: string): CpuSet | undefined {
  try {
    return CpuSet.parse(text);
  } catch {
    return undefined;
  }
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function switchOf(text: string | undefined): boolean | undefined {
  const value = number(text);
  return value === undefined ? undefined : value !== 0;
}
