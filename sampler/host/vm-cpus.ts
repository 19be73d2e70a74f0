import { CpuSet } from '../../model/cpu-set.ts';
import { readProcFile } from '../proc-file.ts';

/** Which CPUs VMs may run on, and which of them the scheduler moves no thread to. */
export interface VmCpuFigures {
  /** Excluded from scheduling at boot (isolcpus) or by an isolated partition of cgroup v2. */
  readonly isolatedCpus: CpuSet | undefined;
  /** CPUs that the control group allows VMs to use; absent if it has no list. */
  readonly vmCpus: CpuSet | undefined;
}

export interface VmCpusOptions {
  readonly sysRoot: string;
  readonly cgroupRoot: string;
  readonly steadyMs: () => number;
}

/** Set at boot, or by the administrator. */
const REFRESH_MS = 60_000;

/**
 * Where libvirt puts VMs by default, with and without systemd, in cgroup v2 and v1 (libvirt, cgroups.rst). The root
 * group is not used: in a container it is the container's.
 */
const CPUSETS = [
  'machine.slice/cpuset.cpus.effective',
  'machine/cpuset.cpus.effective',
  'cpuset/machine.slice/cpuset.effective_cpus',
  'cpuset/machine/cpuset.effective_cpus',
];

/** Reads them from /sys and the control groups of the host, once a minute. */
export class VmCpus {
  readonly #options: VmCpusOptions;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #figures: VmCpuFigures = { isolatedCpus: undefined, vmCpus: undefined };

  constructor(options: VmCpusOptions) {
    this.#options = options;
  }

  read(): VmCpuFigures {
    const { sysRoot, cgroupRoot, steadyMs } = this.#options;
    if (steadyMs() - this.#readAtMs < REFRESH_MS) return this.#figures;
    this.#readAtMs = steadyMs();
    const atBoot = cpusIn(`${sysRoot}/devices/system/cpu/isolated`);
    const byPartition = cpusIn(`${cgroupRoot}/cpuset.cpus.isolated`) ?? CpuSet.empty;
    this.#figures = {
      isolatedCpus: atBoot?.union(byPartition),
      vmCpus: CPUSETS.map((file) => cpusIn(`${cgroupRoot}/${file}`)).find((cpus) => (cpus?.size ?? 0) > 0),
    };
    return this.#figures;
  }
}

/** An empty file is a set without CPUs; undefined where there is no file, or no list in it. */
function cpusIn(path: string): CpuSet | undefined {
  const text = readProcFile(path)?.trim();
  try {
    return text === undefined ? undefined : CpuSet.parse(text);
  } catch {
    return undefined;
  }
}
