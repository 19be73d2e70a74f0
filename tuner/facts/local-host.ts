import { accessSync, constants } from 'node:fs';
import { CpuSet } from '../../model/cpu-set.ts';
import type { CacheBank } from '../../model/topology.ts';
import { listNames, readProcFile } from '../../sampler/proc-file.ts';
import type { LocalRoots } from '../steps/step-host.ts';
import { cpusetOfPartition, readVmCpusets, type VmCpusets } from './vm-cpusets.ts';

/** What the host's kernel reports; absent: it has no such thing, or this user may not read it. */
export interface LocalHost {
  /**
   * CPUs isolated from the scheduler and available to VMs: isolated at boot (isolcpus), or by an isolated partition of
   * cgroup v2 (cpuset.cpus.isolated) that VMs are in.
   */
  readonly isolatedCpus: CpuSet | undefined;
  /** CPUs that the kernel allows in the group where libvirt puts VMs; absent if no control group restricts them. */
  readonly vmCpus?: CpuSet | undefined;
  /** NUMA cells whose memory they may use; absent if no control group restricts them. */
  readonly vmMemoryCells?: CpuSet | undefined;
  /** Cpusets of all groups that may hold VMs, for domains that name a partition (`hostOfDomain`). */
  readonly cpusets?: VmCpusets | undefined;
  /** Isolated CPUs, available to VMs or not. */
  readonly allIsolatedCpus?: CpuSet | undefined;
  /** CPUs without a timer tick while one task runs (nohz_full). */
  readonly nohzFullCpus: CpuSet | undefined;
  /** Last-level caches, for hosts whose libvirt does not report them. */
  readonly caches: readonly CacheBank[];
  /** Slower cores of a hybrid CPU (Intel's E cores, Arm's LITTLE); absent if all cores are alike. */
  readonly efficiencyCpus?: CpuSet | undefined;
  /** The NUMA cell of each PCI device, by address (`0000:81:00.0`), and of each network card, by name. */
  readonly pciCells?: ReadonlyMap<string, number> | undefined;
  readonly nicCells?: ReadonlyMap<string, number> | undefined;
  /** Whether QEMU may use io_uring: false if the kernel lacks it, or root has disabled it. */
  readonly ioUring?: boolean | undefined;
  readonly hugetlbfs: readonly HugetlbfsMount[];
  /** Size of huge pages where none is named. */
  readonly defaultPageKiB: number | undefined;
  /** Version of the control groups that hold VMs: determines the range of CPU shares. */
  readonly cgroupVersion: 1 | 2 | undefined;
  /** `cpu`, `cpuset`, `memory`, ...: those enabled in the kernel. */
  readonly cgroupControllers: ReadonlySet<string>;
  /** The selected (bracketed) word of transparent_hugepage/enabled. */
  readonly transparentHugepages: string | undefined;
  /** The set of governors in use on all CPUs that have one. */
  readonly governors: ReadonlySet<string> | undefined;
  /** The governor of each CPU, by its file below /sys. */
  readonly governorFiles?: ReadonlyMap<string, string> | undefined;
  /** Each idle state of each CPU: its `disable` file below /sys, and its exit latency. */
  readonly idleStates?: readonly IdleState[] | undefined;
  /** The longest exit latency of any enabled idle state, µs. */
  readonly idleLatencyUs: number | undefined;
  readonly swappiness: number | undefined;
  readonly numaBalancing: boolean | undefined;
  /** 1: ksmd runs; 0: stopped; 2: stopped, and pages unmerged. */
  readonly ksmRun: number | undefined;
  /** Files that exist but that this user may not read: their content is absent. */
  readonly forbidden: readonly string[];
}

export interface IdleState {
  readonly file: string;
  readonly latencyUs: number;
  readonly off: boolean;
}

export interface HugetlbfsMount {
  readonly path: string;
  /** Absent: the host's default size. */
  readonly sizeKiB: number | undefined;
}

export function readLocalHost({ procRoot, sysRoot, cgroupRoot }: LocalRoots): LocalHost {
  const forbidden: string[] = [];
  const read = (path: string): string | undefined => {
    const found = readProcFile(path)?.trim();
    if (found === undefined && isForbidden(path)) forbidden.push(path);
    return found;
  };
  const sys = (path: string): string | undefined => read(`${sysRoot}/${path}`);
  const proc = (path: string): string | undefined => read(`${procRoot}/${path}`);
  const cpusets = readVmCpusets(cgroupRoot);
  const { cpus: vmCpus, memoryCells: vmMemoryCells } = cpusetOfPartition(cpusets);
  const isolated = either(
    parseCpus(sys('devices/system/cpu/isolated')),
    parseCpus(readProcFile(`${cgroupRoot}/cpuset.cpus.isolated`)?.trim()),
  );
  return {
    isolatedCpus: vmCpus === undefined ? isolated : isolated?.intersection(vmCpus),
    allIsolatedCpus: isolated,
    vmCpus,
    vmMemoryCells,
    cpusets,
    nohzFullCpus: parseCpus(sys('devices/system/cpu/nohz_full')),
    caches: readCaches(sysRoot),
    efficiencyCpus: readEfficiencyCpus(sysRoot),
    pciCells: readDeviceCells(`${sysRoot}/bus/pci/devices`, 'numa_node'),
    nicCells: readDeviceCells(`${sysRoot}/class/net`, 'device/numa_node'),
    ioUring: readIoUring(proc('sys/kernel/io_uring_disabled'), proc('sys/kernel/osrelease')),
    hugetlbfs: parseHugetlbfs(proc('mounts') ?? ''),
    defaultPageKiB: number(/^Hugepagesize:\s+(\d+) kB$/m.exec(proc('meminfo') ?? '')?.[1]),
    cgroupVersion: cgroupVersion(cgroupRoot),
    cgroupControllers: parseControllers(proc('cgroups') ?? ''),
    transparentHugepages: /\[(\w+)\]/.exec(sys('kernel/mm/transparent_hugepage/enabled') ?? '')?.[1],
    governors: readGovernors(sysRoot),
    governorFiles: readGovernorFiles(sysRoot),
    idleStates: readIdleStates(sysRoot),
    idleLatencyUs: readIdleLatency(sysRoot),
    swappiness: number(proc('sys/vm/swappiness')),
    numaBalancing: switchOf(proc('sys/kernel/numa_balancing')),
    ksmRun: number(sys('kernel/mm/ksm/run')),
    forbidden,
  };
}

/** Exists, but is not readable for this user. */
function isForbidden(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch (error) {
    return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

/** `cpu 3 42 1`: name, hierarchy, groups, enabled (cgroups(7), /proc/cgroups). */
function parseControllers(text: string): Set<string> {
  return new Set([...text.matchAll(/^(\w+)\t\d+\t\d+\t1$/gm)].map((match) => match[1] ?? ''));
}

/** Each level 3 cache once, with the CPUs that share it (sysfs-devices-system-cpu, cache/index*). */
function readCaches(sysRoot: string): CacheBank[] {
  const found = new Map<string, CacheBank>();
  for (const folder of cpuFolders(sysRoot)) {
    for (const index of listNames(`${folder}/cache`)) {
      const read = (name: string): string | undefined =>
        readProcFile(`${folder}/cache/${index}/${name}`)?.trim();
      if (read('level') !== '3') continue;
      const cpus = parseCpus(read('shared_cpu_list'));
      if (cpus === undefined || found.has(cpus.toString())) continue;
      const [, count, unit] = /^(\d+)([KMG])$/.exec(read('size') ?? '') ?? [];
      const bank = { level: 3, id: found.size, sizeKiB: inKiB(count, unit), cpus };
      found.set(cpus.toString(), bank);
    }
  }
  return [...found.values()];
}

/** `hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0` (proc_mounts(5)). */
export function parseHugetlbfs(mounts: string): HugetlbfsMount[] {
  return mounts.split('\n').flatMap((line) => {
    const [, path, type, options = ''] = line.split(' ');
    if (type !== 'hugetlbfs' || path === undefined) return [];
    const [, count, unit] = /(?:^|,)pagesize=(\d+)([KMG]?)(?:,|$)/.exec(options) ?? [];
    // Blanks and similar characters in paths are octal escapes there.
    const plain = path.replaceAll(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    return [{ path: plain, sizeKiB: inKiB(count, unit) }];
  });
}

function inKiB(count: string | undefined, unit = ''): number | undefined {
  return count === undefined ? undefined : (Number(count) * (UNITS[unit] ?? 1)) / 1_024;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1_024, M: 1_024 ** 2, G: 1_024 ** 3 };

/** The unified hierarchy has this file at its root (cgroups(7)); a hybrid one is mounted beside the v1 controllers. */
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

function readGovernorFiles(sysRoot: string): Map<string, string> {
  return new Map(
    cpuFolders(sysRoot).flatMap((folder) => {
      const path = `${folder}/cpufreq/scaling_governor`;
      const governor = readProcFile(path)?.trim();
      return governor === undefined ? [] : [[path.slice(sysRoot.length + 1), governor] as const];
    }),
  );
}

function readIdleStates(sysRoot: string): IdleState[] {
  return cpuFolders(sysRoot).flatMap((folder) =>
    listNames(`${folder}/cpuidle`).flatMap((state) => {
      const path = `${folder}/cpuidle/${state}`;
      const [latencyUs, off] = ['latency', 'disable'].map((name) =>
        number(readProcFile(`${path}/${name}`)?.trim()),
      );
      if (latencyUs === undefined || off === undefined) return [];
      return [{ file: `${path.slice(sysRoot.length + 1)}/disable`, latencyUs, off: off !== 0 }];
    }),
  );
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

const either = (a: CpuSet | undefined, b: CpuSet | undefined): CpuSet | undefined =>
  a === undefined || b === undefined ? (a ?? b) : a.union(b);

/**
 * Intel lists the E cores of a hybrid CPU (devices/cpu_atom/cpus); elsewhere, cores whose capacity (Arm) or maximum
 * frequency is below nine tenths of the best count as slower. Boost clocks of identical cores differ by less.
 */
function readEfficiencyCpus(sysRoot: string): CpuSet | undefined {
  const named = parseCpus(readProcFile(`${sysRoot}/devices/cpu_atom/cpus`)?.trim());
  if (named !== undefined && named.size > 0) return named;
  for (const file of ['cpu_capacity', 'cpufreq/cpuinfo_max_freq']) {
    const speeds = cpuFolders(sysRoot).flatMap((folder) => {
      const speed = number(readProcFile(`${folder}/${file}`)?.trim());
      return speed === undefined ? [] : [{ cpu: Number(/cpu(\d+)$/.exec(folder)?.[1]), speed }];
    });
    const best = speeds.reduce((max, { speed }) => Math.max(max, speed), 0);
    const slow = speeds.filter(({ speed }) => speed < best * 0.9).map(({ cpu }) => cpu);
    if (slow.length > 0) return CpuSet.of(slow);
  }
  return undefined;
}

/** A cell of -1 means that the firmware does not report it. */
function readDeviceCells(folder: string, file: string): Map<string, number> {
  return new Map(
    listNames(folder).flatMap((name) => {
      const cell = number(readProcFile(`${folder}/${name}/${file}`)?.trim());
      return cell === undefined ? [] : [[name, cell] as const];
    }),
  );
}

/** The sysctl exists since Linux 6.6 (0: for all, 1: for privileged users, 2: disabled), io_uring since 5.1. */
function readIoUring(disabled: string | undefined, release: string | undefined): boolean | undefined {
  if (disabled !== undefined) return disabled === '0';
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release ?? '') ?? [];
  if (major === undefined) return undefined;
  return Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 1);
}

function cpuFolders(sysRoot: string): string[] {
  const root = `${sysRoot}/devices/system/cpu`;
  return listNames(root).flatMap((name) => (/^cpu\d+$/.test(name) ? `${root}/${name}` : []));
}

/** An empty file is an empty set; kernels without nohz_full print `(null)`. */
function parseCpus(text: string | undefined): CpuSet | undefined {
  try {
    return text === undefined ? undefined : CpuSet.parse(text === '(null)' ? '' : text);
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
