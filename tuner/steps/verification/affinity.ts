import { CpuSet } from '../../../model/cpu-set.ts';
import { readProcFile } from '../../../sampler/proc-file.ts';
import { TunerError } from '../../errors.ts';
import { cpusetOfGroup, readVmCpusets } from '../../facts/vm-cpusets.ts';
import { quoted } from '../domain-run.ts';
import type { StepDomain } from '../step.ts';
import type { StepHost } from '../step-host.ts';
import { findProcess, type GuestThread, threadsOf } from './process.ts';

/** Where the kernel lets a thread run (proc_pid_status(5), Cpus_allowed_list). */
export async function verifyAffinity(
  host: StepHost,
  domain: StepDomain,
  what: string,
  wanted: string,
  which: (thread: GuestThread) => boolean,
): Promise<readonly string[]> {
  const process = await findProcess(host, domain);
  const thread = process && threadsOf(process).find(which);
  const allowed = thread && allowedCpus(readProcFile(`${thread.folder}/status`) ?? '');
  // One thread for all vCPUs, or none that can be identified: nothing to check.
  if (thread === undefined || allowed === undefined) return [];
  const seen = `thread ${thread.tid} ("${thread.comm}"): Cpus_allowed_list ${allowed}`;
  // Only some of the kernel's lists omit CPUs that are offline or not available to VMs: compare usable CPUs only.
  const usable = usableCpus(host, thread) ?? allowed;
  if (allowed.intersection(usable).equals(CpuSet.parse(wanted).intersection(usable))) return [seen];
  throw new TunerError(
    'TUNE_READ_BACK',
    `${what} of domain ${quoted(domain)} should run on CPUs ${wanted}, and libvirt confirms that, but ${seen}; check whether something else moves it (cset, numad, a cgroup)`,
  );
}

function allowedCpus(status: string): CpuSet | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  return list === undefined ? undefined : CpuSet.parse(list);
}

function usableCpus({ local }: StepHost, { folder }: GuestThread): CpuSet | undefined {
  if (local === undefined) return undefined;
  const list = readProcFile(`${local.sysRoot}/devices/system/cpu/online`)?.trim();
  const online = list === undefined ? undefined : CpuSet.parse(list);
  const { cpus: vmCpus } = cpusetOfGroup(
    readVmCpusets(local.cgroupRoot),
    cpusetGroup(readProcFile(`${folder}/cgroup`) ?? ''),
  );
  return online === undefined || vmCpus === undefined ? (online ?? vmCpus) : online.intersection(vmCpus);
}

/** The thread's cpuset group: that of the v1 controller, else of v2 (cgroups(7), /proc/PID/cgroup). */
function cpusetGroup(text: string): string {
  const groups = text.split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const found =
    groups.find((group) => group?.[1]?.split(',').includes('cpuset')) ??
    groups.find((group) => group?.[1] === '');
  return found?.[2] ?? '/machine.slice';
}
