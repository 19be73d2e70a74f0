import type { Pressure } from '../../model/host.ts';
import type { CgroupFigures } from '../../model/local.ts';
import { parsePressure } from '../host/proc.ts';
import { readProcFile, readSlowProcFile } from '../proc-file.ts';
import type { VmThrottling } from './throttling.ts';

/** A process's groups by controller; `''` is cgroup v2's unified hierarchy (cgroups(7), /proc/PID/cgroup). */
export function parseCgroups(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    for (const controller of (match[1] ?? '').split(',')) found.set(controller, match[2] ?? '');
  }
  return found;
}

/** libvirt puts QEMU's main thread in `emulator` and vCPUs in sibling groups: the VM's group is the parent. */
export function groupOfVm(path: string): string {
  return libvirtGroupOfVm(path).replace(/\/libvirt$/, '');
}

/** The group that only libvirt uses: inside systemd's unit if there is one, else the VM's. */
export function libvirtGroupOfVm(path: string): string {
  return path.replace(/\/(emulator|vcpu\d+|iothread\d+)$/, '');
}

/** Folders of a VM's control groups; absent where the hierarchy is not mounted or has no such controller. */
export interface CgroupFolders {
  /** Of cgroup v2, or of v1's `cpu`. */
  readonly cpu: string | undefined;
  /** Of v1's `memory`. */
  readonly v1Memory: string | undefined;
  readonly v2: string | undefined;
}

/**
 * Where the VM's control groups are. Reading /proc/PID/cgroup waits for the kernel's global cgroup lock
 * (kernel/cgroup/cgroup.c, proc_cgroup_show), so another thread does it.
 */
export async function cgroupFolders(
  procRoot: string,
  cgroupRoot: string,
  pid: number,
): Promise<CgroupFolders> {
  const groups = parseCgroups((await readSlowProcFile(`${procRoot}/${pid}/cgroup`)) ?? '');
  const v1Cpu = groups.get('cpu');
  const v1Memory = groups.get('memory');
  const unified = groups.get('');
  const v2 = unified === undefined ? undefined : `${cgroupRoot}${groupOfVm(unified)}`;
  return {
    cpu: v1Cpu === undefined ? v2 : `${cgroupRoot}/cpu${groupOfVm(v1Cpu)}`,
    v1Memory: v1Memory === undefined ? undefined : `${cgroupRoot}/memory${groupOfVm(v1Memory)}`,
    v2,
  };
}

/**
 * Undefined if the VM has no group that can be read. These files take no lock that is held for long: counters are
 * summed under a spinlock (kernel/cgroup/rstat.c).
 */
export function readCgroup(
  { cpu, v1Memory, v2 }: CgroupFolders,
  throttled: VmThrottling,
): CgroupFigures | undefined {
  const throttling = cpu === undefined ? undefined : throttled.read(cpu);
  const memory =
    v1Memory === undefined
      ? readProcFile(`${v2}/memory.current`)
      : readProcFile(`${v1Memory}/memory.usage_in_bytes`);
  const pressure = new Map<string, Pressure>();
  for (const resource of ['cpu', 'memory', 'io']) {
    const text = v2 === undefined ? undefined : readProcFile(`${v2}/${resource}.pressure`);
    if (text !== undefined) pressure.set(resource, parsePressure(text));
  }
  if (throttling === undefined && memory === undefined && pressure.size === 0) return undefined;
  return {
    periods: throttling?.periods,
    throttledPeriods: throttling?.throttledPeriods,
    throttledNs: throttling?.throttledNs,
    memoryBytes: memory === undefined ? undefined : Number(memory),
    pressure,
  };
}
