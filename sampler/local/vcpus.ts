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
 * vCPU figures from libvirt's own sources: state and run time from domainGetVcpus, which needs no monitor, wait and
 * delay from the scheduler's files of each thread (virProcessGetSchedInfo, virProcessGetSchedstatDelay). The vCPU group
 * has the same, but costs a QEMU monitor command, 33 ms of 107 for 61 VMs (docs/benchmarks.md).
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
    const tids = [...(this.#threadsOf(domain)?.tids.values() ?? [])];
    return tids.some((tid) => this.#delayNs(domain, tid) !== undefined);
  }

  /** Figures by vCPU id. A thread that ended during the read leaves its vCPU without delay. */
  read(domain: Domain, { info }: CallResult<'domainGetVcpus'>): Map<number, VcpuStats> {
    const numbers = info.map(({ number }) => number);
    let delays = this.#delaysOf(domain, numbers);
    if (delays.size < numbers.length) {
      // A vCPU was plugged since the threads were looked up, or plugged again, which gives it a new thread.
      this.#threads.delete(domain.uuid);
      delays = this.#delaysOf(domain, numbers);
    }
    return new Map(
      info.map(({ number, state, cpuTimeNs }) => {
        const vcpu: VcpuStats = { state, timeNs: Number(cpuTimeNs) };
        const delay = delays.get(number);
        if (delay === undefined) return [number, vcpu];
        vcpu.delayNs = delay.ns;
        const waitNs = parseWaitSum(readProcFile(`${this.#task(domain, delay.tid)}/sched`) ?? '');
        if (waitNs !== undefined) vcpu.waitNs = waitNs;
        return [number, vcpu];
      }),
    );
  }

  /** Delays of vCPUs whose thread exists. Forgets all other vCPUs: the kernel may reuse their thread ids. */
  #delaysOf(domain: Domain, vcpus: readonly number[]): Map<number, { tid: number; ns: number }> {
    const tids = this.#threadsOf(domain)?.tids ?? new Map<number, number>();
    for (const vcpu of tids.keys()) if (!vcpus.includes(vcpu)) tids.delete(vcpu);
    return new Map(
      [...tids].flatMap(([vcpu, tid]) => {
        const ns = this.#delayNs(domain, tid);
        return ns === undefined ? [] : [[vcpu, { tid, ns }] as const];
      }),
    );
  }

  #threadsOf(domain: Domain): Threads | undefined {
    const pid = this.#pids.get(domain.uuid);
    if (pid === undefined) return undefined;
    let threads = this.#threads.get(domain.uuid);
    // A process that has just started has no vCPU threads yet.
    if (threads?.pid !== pid || threads.tids.size === 0) {
      threads = { pid, tids: vcpuThreads(this.#procRoot, pid) };
      this.#threads.set(domain.uuid, threads);
    }
    return threads;
  }

  #delayNs(domain: Domain, tid: number): number | undefined {
    return parseSchedstat(readProcFile(`${this.#task(domain, tid)}/schedstat`) ?? '')?.delayNs;
  }

  #task(domain: Domain, tid: number): string {
    return `${this.#procRoot}/${this.#pids.get(domain.uuid)}/task/${tid}`;
  }
}

/** By the names that QEMU gives the threads: `CPU 3/KVM`. */
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
