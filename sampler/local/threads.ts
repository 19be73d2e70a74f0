import type { ThreadFigures } from '../../model/local.ts';
import { listNames, readProcFile } from '../proc-file.ts';

export type ThreadRole = 'vcpu' | 'iothread' | 'emulator' | 'vhost';

/** By the names of QEMU's threads, and of the kernel's threads that serve virtio-net for it. */
export function roleOf(comm: string): ThreadRole {
  if (/^CPU \d+\//.test(comm)) return 'vcpu';
  // The monitor's own thread does no I/O of the guest.
  if (/^IO (?!mon_)/.test(comm)) return 'iothread';
  return comm.startsWith('vhost-') ? 'vhost' : 'emulator';
}

/**
 * `cpu_ns delay_ns slices` of /proc/PID/task/TID/schedstat (kernel, sched-stats.rst). A kernel without
 * CONFIG_SCHED_INFO prints `0 0 0`; a thread that has run has at least one slice.
 */
export function parseSchedstat(text: string): { cpuNs: number; delayNs: number } | undefined {
  const match = /^(\d+) (\d+) (\d+)/.exec(text);
  return match === null || match[3] === '0'
    ? undefined
    : { cpuNs: Number(match[1]), delayNs: Number(match[2]) };
}

interface Thread {
  readonly role: ThreadRole;
  readonly cpuNs: number;
  readonly delayNs: number;
}

/**
 * CPU times of the threads of one process. QEMU's I/O workers end when idle, migration threads with the migration:
 * their times stay in the sum of their role, which would decrease otherwise.
 */
export class ThreadTimes {
  readonly #task: string;
  readonly #ended = new Map<ThreadRole, ThreadFigures>();
  #threads: ReadonlyMap<string, Thread> = new Map();

  constructor(procRoot: string, pid: number) {
    this.#task = `${procRoot}/${pid}/task`;
  }

  /** By role; undefined when the process cannot be read. */
  read(): ReadonlyMap<ThreadRole, ThreadFigures> | undefined {
    const now = this.#readThreads();
    if (now.size === 0) return undefined;
    for (const [tid, thread] of this.#threads) {
      const same = now.get(tid);
      // Less time under the same id means that the id was reused by another thread.
      if (same === undefined || same.cpuNs < thread.cpuNs) add(this.#ended, thread, 0);
    }
    this.#threads = now;
    const byRole = new Map(this.#ended);
    for (const thread of now.values()) add(byRole, thread, 1);
    return byRole;
  }

  #readThreads(): ReadonlyMap<string, Thread> {
    const threads = new Map<string, Thread>();
    for (const tid of listNames(this.#task)) {
      const times = parseSchedstat(readProcFile(`${this.#task}/${tid}/schedstat`) ?? '');
      if (times === undefined) continue;
      const role = roleOf((readProcFile(`${this.#task}/${tid}/comm`) ?? '').trimEnd());
      threads.set(tid, { role, ...times });
    }
    return threads;
  }
}

function add(sums: Map<ThreadRole, ThreadFigures>, { role, cpuNs, delayNs }: Thread, threads: 0 | 1): void {
  const sum = sums.get(role) ?? { threads: 0, cpuNs: 0, delayNs: 0 };
  sums.set(role, {
    threads: sum.threads + threads,
    cpuNs: sum.cpuNs + cpuNs,
    delayNs: sum.delayNs + delayNs,
  });
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
