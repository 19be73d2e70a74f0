import { CpuSet } from '../../model/cpu-set.ts';
import { readProcFile } from '../../sampler/proc-file.ts';

/**
 * Where libvirt puts VMs (libvirt, cgroups.rst): `machine.slice` with systemd, `machine` without; in the one hierarchy
 * of cgroup v2, or in v1's of cpuset. The root of v2 stands for a slice that has no cpuset yet, as before the first VM.
 */
const FILES = [
  'machine.slice/cpuset.cpus.effective',
  'machine/cpuset.cpus.effective',
  'cpuset.cpus.effective',
  'cpuset/machine.slice/cpuset.effective_cpus',
  'cpuset/machine/cpuset.effective_cpus',
];

/**
 * CPUs that the kernel lets VMs have: those of their control group, without what partitions beside it took for
 * themselves (cgroup-v2.rst, cpuset.cpus.partition) or systemd kept from it (AllowedCPUs=). A pin to another CPU fails
 * with EINVAL, and a VM that has one does not start. Undefined where no control group says.
 */
export function readVmCpus(cgroupRoot: string): CpuSet | undefined {
  for (const file of FILES) {
    const text = readProcFile(`${cgroupRoot}/${file}`)?.trim();
    if (text === undefined || text === '') continue;
    try {
      return CpuSet.parse(text);
    } catch {
      return undefined;
    }
  }
  return undefined;
}
