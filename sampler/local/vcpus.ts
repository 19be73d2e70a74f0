import type { CallResult } from '../../libvirt/calls/all.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import type { VcpuStats } from '../../model/stats/types.ts';
import { listNames, readProcFile } from '../proc-file.ts';
import type { Processes } from './processes.ts';
import { parseSchedstat } from './threads.ts';

const NS_PER_MS = 1e6;

interface Threads {
  readonly pid: number;
  /** Thread by vCPU. */
  readonly tids: Map<number, number>;
}

/**
 * vCPU figures from where libvirt itself takes them: state and run time from domainGetVcpus, which needs no
 * monitor, wait and delay from the scheduler's files of each thread (virProcessGetSchedInfo,
 * virProcessGetSchedstatDelay). The vCPU group gives the same at the price of a QEMU monitor command, 33 ms
 * of 107 for 61 VMs (docs/benchmarks.md).
 */
export class LocalVcpus {
  readonly #procRoot: string;
  readonly #processes: Processes;
  #pids: ReadonlyMap<string, number> = new Map();
  readonly #threads = new Map<string, Threads>();

  constructor(procRoot: string, processes: Processes) {
    this.#procRoot = procRoot;
    this.#processes = processes;
  }

  startTick(domains: readonly Domain[]): void {
    this.#pids = this.#processes.find(domains);
    for (const uuid of this.#threads.keys()) if (!this.#pids.has(uuid)) this.#threads.delete(uuid);
  }

  /** Whether the kernel reports this domain's vCPUs; if not, libvirt has to be asked for them. */
  canRead(domain: Domain): boolean {
    const { tids } = this.#threadsOf(domain) ?? {};
    const [tid] = tids?.values() ?? [];
    return tid !== undefined && this.#schedstat(domain, tid) !== undefined;
  }

  /** Figures by vCPU id. A thread that ended during the read leaves its vCPU without delay. */
  read(domain: Domain, { info }: CallResult<'domainGetVcpus'>): Map<number, VcpuStats> {
    if (info.some(({ number }) => this.#threads.get(domain.uuid)?.tids.has(number) !== true)) {
      // Plugged since the threads were looked up.
      this.#threads.delete(domain.uuid);
    }
    const tids = this.#threadsOf(domain)?.tids;
    return new Map(
      info.map(({ number, state, cpuTimeNs }) => {
        const vcpu: VcpuStats = { state, timeNs: Number(cpuTimeNs) };
        const tid = tids?.get(number);
        if (tid === undefined) return [number, vcpu];
        const delayNs = this.#schedstat(domain, tid)?.delayNs;
        const waitNs = parseWaitSum(readProcFile(`${this.#task(domain, tid)}/sched`) ?? '');
        if (delayNs !== undefined) vcpu.delayNs = delayNs;
        if (waitNs !== undefined) vcpu.waitNs = waitNs;
        return [number, vcpu];
      }),
    );
  }

  #threadsOf(domain: Domain): Threads | undefined {
    const pid = this.#pids.get(domain.uuid);
    if (pid === undefined) return undefined;
    let threads = this.#threads.get(domain.uuid);
    if (threads?.pid !== pid) {
      threads = { pid, tids: vcpuThreads(this.#procRoot, pid) };
      this.#threads.set(domain.uuid, threads);
    }
    return threads;
  }

  #schedstat(domain: Domain, tid: number): { cpuNs: number; delayNs: number } | undefined {
    return parseSchedstat(readProcFile(`${this.#task(domain, tid)}/schedstat`) ?? '');
  }

  #task(domain: Domain, tid: number): string {
    return `${this.#procRoot}/${this.#pids.get(domain.uuid)}/task/${tid}`;
  }
}

/** By the names that QEMU gives them: `CPU 3/KVM`. */
function vcpuThreads(procRoot: string, pid: number): Map<number, number> {
  const found = new Map<number, number>();
  for (const tid of listNames(`${procRoot}/${pid}/task`)) {
    const vcpu = /^CPU (\d+)\//.exec(readProcFile(`${procRoot}/${pid}/task/${tid}/comm`) ?? '')?.[1];
    if (vcpu !== undefined) found.set(Number(vcpu), Number(tid));
  }
  return found;
}

/** `wait_sum`, ms, of /proc/PID/task/TID/sched; only a kernel with scheduler statistics has it. */
export function parseWaitSum(text: string): number | undefined {
  const match = /^(?:se\.statistics\.)?wait_sum\s*:\s*([\d.]+)$/m.exec(text);
  const ns = match === null ? 0 : Math.round(Number(match[1]) * NS_PER_MS);
  return ns === 0 ? undefined : ns;
}
