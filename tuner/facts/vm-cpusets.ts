import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CpuSet } from '../../model/cpu-set.ts';
import { listNames, readProcFile } from '../../sampler/proc-file.ts';

/** What a control group allows its processes; a part is absent if no group restricts it. */
export interface VmCpuset {
  readonly cpus: CpuSet | undefined;
  /** NUMA cells whose memory may be used. */
  readonly memoryCells: CpuSet | undefined;
}

/** Effective cpusets of groups that can hold VMs, by folder: `machine.slice/machine-prod.slice`; `''` is the root. */
export type VmCpusets = ReadonlyMap<string, VmCpuset>;

/** Where libvirt puts a domain without a partition in its XML (libvirt, cgroups.rst). */
const DEFAULT_PARTITION = '/machine';
/** `machine.slice/machine-prod.slice/machine-prod-db.slice` is already unusually deep. */
const DEPTH_MAX = 4;
/**
 * Slices of systemd, and partitions of libvirt without systemd: top-level ones may have a plain name, and a name with a
 * dot gets no suffix (libvirt, virCgroupSetPartitionSuffix).
 */
const isPartition = (name: string, depth: number): boolean =>
  (depth === 0 && TOP_PARTITION.test(name)) || (name.includes('.') && !HOLDS_NO_VMS.test(name));
const TOP_PARTITION = /^(machine|system|user)$/;
/** Other systemd units, and groups of single VMs. */
const HOLDS_NO_VMS = /\.(scope|service|mount|socket|swap|libvirt-qemu|libvirt-lxc)$/;

/**
 * Reads the cpuset of each group that libvirt may put VMs in: from the single hierarchy of cgroup v2, or from v1's
 * cpuset hierarchy. An effective set excludes what partitions beside the group claimed (cgroup-v2.rst,
 * cpuset.cpus.partition) and what systemd withholds (AllowedCPUs=, AllowedMemoryNodes=). A pin to another CPU fails
 * with EINVAL, memory of another cell cannot be allocated, and a VM with either does not start.
 */
export function readVmCpusets(cgroupRoot: string): VmCpusets {
  const v2 = readProcFile(`${cgroupRoot}/cpuset.cpus.effective`) !== undefined || !hasV1(cgroupRoot);
  const root = v2 ? cgroupRoot : `${cgroupRoot}/cpuset`;
  const [cpus, memoryCells] = v2
    ? ['cpuset.cpus.effective', 'cpuset.mems.effective']
    : ['cpuset.effective_cpus', 'cpuset.effective_mems'];
  const found = new Map<string, VmCpuset>();
  const visit = (folder: string, depth: number): void => {
    const read = (file: string): CpuSet | undefined => parse(readProcFile(join(root, folder, file)));
    const set = { cpus: read(cpus as string), memoryCells: read(memoryCells as string) };
    if (set.cpus !== undefined || set.memoryCells !== undefined) found.set(folder, set);
    if (depth === DEPTH_MAX) return;
    for (const name of listFolders(join(root, folder)))
      if (isPartition(name, depth)) visit(join(folder, name), depth + 1);
  };
  visit('', 0);
  return found;
}

/** Folders only, since names of files contain dots too; empty if unreadable. */
function listFolders(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((each) =>
      each.isDirectory() ? [each.name] : [],
    );
  } catch {
    return [];
  }
}

const hasV1 = (cgroupRoot: string): boolean => listNames(`${cgroupRoot}/cpuset`).length > 0;

/** An empty file means that the group inherits from its parent. */
function parse(text: string | undefined): CpuSet | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return CpuSet.parse(text.trim());
  } catch {
    return undefined;
  }
}

/** For domains with this `<resource><partition>`; a group that does not exist yet will inherit from its parent. */
export function cpusetOfPartition(cpusets: VmCpusets, partition = DEFAULT_PARTITION): VmCpuset {
  const [slices, plain] = [sliceFolders(partition), partitionFolders(partition)];
  // With systemd the groups are slices, without it plain folders.
  const deepestFirst = slices.flatMap((slice, depth) => [slice, plain[depth] ?? slice]).toReversed();
  return nearest(cpusets, [...deepestFirst, '']);
}

/** For a process in this group, as in /proc/PID/cgroup. Groups of one VM and of its threads do not count. */
export function cpusetOfGroup(cpusets: VmCpusets, group: string): VmCpuset {
  const parts = group.split('/').filter((part) => part !== '');
  const above = parts.map((_, index) => parts.slice(0, index + 1).join('/')).toReversed();
  return nearest(cpusets, [...above, '']);
}

function nearest(cpusets: VmCpusets, folders: readonly string[]): VmCpuset {
  const sets = folders.flatMap((folder) => cpusets.get(folder) ?? []);
  return {
    cpus: sets.find(({ cpus }) => cpus !== undefined)?.cpus,
    memoryCells: sets.find(({ memoryCells }) => memoryCells !== undefined)?.memoryCells,
  };
}

/** `/machine/prod`: machine.slice, then machine.slice/machine-prod.slice (libvirt, virSystemdMakeSliceName). */
function sliceFolders(partition: string): string[] {
  const parts = partition.split('/').filter((part) => part !== '');
  const names = parts.map(
    (_, index) =>
      `${parts
        .slice(0, index + 1)
        .map(escaped)
        .join('-')}.slice`,
  );
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

/** systemd nests slices by dashes, so dashes in a name are escaped, byte by byte (libvirt, virSystemdEscapeName). */
const escaped = (part: string): string =>
  part.replaceAll(/[^0-9A-Za-z:_.]/gu, (char) =>
    [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );

/** `/machine/prod`: machine, then machine/prod.partition (libvirt, virCgroupSetPartitionSuffix). */
function partitionFolders(partition: string): string[] {
  const parts = partition.split('/').filter((part) => part !== '');
  const names = parts.map((part, index) =>
    (index === 0 && TOP_PARTITION.test(part)) || part.includes('.') ? part : `${part}.partition`,
  );
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}
