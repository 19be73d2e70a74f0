import type { ThreadFigures } from '../../model/local.ts';
import { listNames, readProcFile } from '../proc-file.ts';

export type ThreadRole = 'vcpu' | 'iothread' | 'emulator' | 'vhost';

/** By the names that QEMU gives its threads, and the kernel those that serve virtio-net for it. */
export function roleOf(comm: string): ThreadRole {
  if (/^CPU \d+\//.test(comm)) return 'vcpu';
  // The monitor's own thread does no I/O of the guest.
  if (/^IO (?!mon_)/.test(comm)) return 'iothread';
  return comm.startsWith('vhost-') ? 'vhost' : 'emulator';
}

/**
 * `cpu_ns delay_ns slices` of /proc/PID/task/TID/schedstat (kernel, sched-stats.rst). A kernel without CONFIG_SCHED_INFO
 * prints `0 0 0`, and a thread that has run has a slice.
 */
export function parseSchedstat(text: string): { cpuNs: number; delayNs: number } | undefined {
  const match = /^(\d+) (\d+) (\d+)/.exec(text);
  return match === null || match[3] === '0'
    ? undefined
    : { cpuNs: Number(match[1]), delayNs: Number(match[2]) };
}

/** By role; undefined when the process cannot be read. */
export function readThreads(
  procRoot: string,
  pid: number,
): ReadonlyMap<ThreadRole, ThreadFigures> | undefined {
  const byRole = new Map<ThreadRole, ThreadFigures>();
  for (const tid of listNames(`${procRoot}/${pid}/task`)) {
    const task = `${procRoot}/${pid}/task/${tid}`;
    const times = parseSchedstat(readProcFile(`${task}/schedstat`) ?? '');
    if (times === undefined) continue;
    const role = roleOf((readProcFile(`${task}/comm`) ?? '').trimEnd());
    const sum = byRole.get(role) ?? { threads: 0, cpuNs: 0, delayNs: 0 };
    byRole.set(role, {
      threads: sum.threads + 1,
      cpuNs: sum.cpuNs + times.cpuNs,
      delayNs: sum.delayNs + times.delayNs,
    });
  }
  return byRole.size === 0 ? undefined : byRole;
}

/** The CPU that each vCPU's thread last ran on (field 39 of stat, proc_pid_stat(5)). */
export function readVcpuCpus(procRoot: string, pid: number): number[] {
  const cpus: number[] = [];
  for (const tid of listNames(`${procRoot}/${pid}/task`)) {
    const stat = readProcFile(`${procRoot}/${pid}/task/${tid}/stat`) ?? '';
    // The name may contain spaces and parentheses, so fields are counted after its end.
    const end = stat.lastIndexOf(')');
    if (end < 0 || roleOf(stat.slice(stat.indexOf('(') + 1, end)) !== 'vcpu') continue;
    const cpu = Number(stat.slice(end + 2).split(' ')[36]);
    if (Number.isInteger(cpu)) cpus.push(cpu);
  }
  return cpus;
}
