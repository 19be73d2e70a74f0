import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CpuSet } from '../../model/cpu-set.ts';
import { listNames, readProcFile } from '../../sampler/proc-file.ts';

/** What a control group lets its processes have; a part is absent where no group says. */
export interface VmCpuset {
  readonly cpus: CpuSet | undefined;
  /** NUMA cells that memory may come from. */
  readonly memoryCells: CpuSet | undefined;
}

/** The effective cpusets of groups that can hold VMs, by folder: `machine.slice/machine-prod.slice`; `''` is the root. */
export type VmCpusets = ReadonlyMap<string, VmCpuset>;

/** Where libvirt puts a domain whose XML names no partition (libvirt, cgroups.rst). */
const DEFAULT_PARTITION = '/machine';
/** `machine.slice/machine-prod.slice/machine-prod-db.slice` is deep already. */
const DEPTH_MAX = 4;
/**
 * Slices of systemd, and partitions of libvirt without systemd: those at the top may have a plain name, and a name with a
 * dot gets no suffix (libvirt, virCgroupSetPartitionSuffix).
 */
const isPartition = (name: string, depth: number): boolean =>
  (depth === 0 && TOP_PARTITION.test(name)) || (name.includes('.') && !HOLDS_NO_VMS.test(name));
const TOP_PARTITION = /^(machine|system|user)$/;
/** Other units of systemd, and the group of one VM. */
const HOLDS_NO_VMS = /\.(scope|service|mount|socket|swap|libvirt-qemu|libvirt-lxc)$/;

/**
 * Reads the cpuset of each group that libvirt may put VMs in: in the one hierarchy of cgroup v2, or in v1's of cpuset. An
 * effective set lacks what partitions beside the group took for themselves (cgroup-v2.rst, cpuset.cpus.partition) and
 * what systemd kept from it (AllowedCPUs=, AllowedMemoryNodes=). A pin to another CPU fails with EINVAL, memory bound to
 * another cell cannot be had, and a VM that has either does not start.
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

/** Without files, whose names have dots as well; none where it cannot be read. */
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

/** An empty file says nothing: the group has what its parent has. */
function parse(text: string | undefined): CpuSet | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return CpuSet.parse(text.trim());
  } catch {
    return undefined;
  }
}

/** Of a domain with this `<resource><partition>`; a group that is not there yet will have what its parent has. */
export function cpusetOfPartition(cpusets: VmCpusets, partition = DEFAULT_PARTITION): VmCpuset {
  const [slices, plain] = [sliceFolders(partition), partitionFolders(partition)];
  // With systemd there are slices, without it plain folders.
  const deepestFirst = slices.flatMap((slice, depth) => [slice, plain[depth] ?? slice]).toReversed();
  return nearest(cpusets, [...deepestFirst, '']);
}

/** Of a process in this group, as /proc/PID/cgroup names it. The groups of one VM and of its threads do not count. */
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

/** systemd's own nesting is by dashes, so that one in a name is escaped; byte by byte (libvirt, virSystemdEscapeName). */
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
