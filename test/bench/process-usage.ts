import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of a process so far, from the schedstat of its threads: in ns, while /proc/PID/stat counts in 10 ms. */
export function cpuMs(pid: number): number {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // A thread that has ended in the meantime.
    }
  }
  return ns / 1e6;
}

/** Resident memory of a process, including shared memory. */
export function rssMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}
