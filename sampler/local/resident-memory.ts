import type { Domain } from '../../libvirt/wire/types.ts';
import { readProcFile } from '../proc-file.ts';
import type { Processes } from './processes.ts';

/** Of x86 and of most others; read from this process where the kernel gives it. */
const PAGE_KIB = 4;

/**
 * Resident memory of QEMU from where libvirt takes balloon.rss (qemuGetProcessInfo reads the same count of pages): in
 * /proc it is there for every VM, also where libvirt would need a monitor command for it or the monitor is busy. statm
 * takes no lock of the process (kernel, task_statm), so a stuck QEMU does not hold the reader up.
 */
export class ResidentMemory {
  readonly #procRoot: string;
  readonly #processes: Processes;
  readonly #pageKiB: number;
  #pids: ReadonlyMap<string, number> = new Map();

  constructor(procRoot: string, processes: Processes) {
    this.#procRoot = procRoot;
    this.#processes = processes;
    this.#pageKiB = basePageKiB(procRoot);
  }

  startTick(domains: readonly Domain[]): void {
    this.#pids = this.#processes.find(domains);
  }

  /** Whether this domain's process is known, so that libvirt need not be asked. */
  canRead(domain: Domain): boolean {
    return this.#pids.has(domain.uuid);
  }

  /** KiB; undefined where its process was not found or has ended. */
  read(domain: Domain): number | undefined {
    const pid = this.#pids.get(domain.uuid);
    const pages =
      pid === undefined ? undefined : parseStatm(readProcFile(`${this.#procRoot}/${pid}/statm`) ?? '');
    return pages === undefined ? undefined : pages * this.#pageKiB;
  }
}

/** The second field, resident pages (proc_pid_statm(5)); a process without memory of its own, a zombie, has 0. */
function parseStatm(text: string): number | undefined {
  const pages = Number(/^\d+ (\d+) /.exec(text)?.[1]);
  return pages > 0 ? pages : undefined;
}

/** The kernel's page size, from the first mapping of this process, which is the program itself and on ordinary pages. */
function basePageKiB(procRoot: string): number {
  const size = /^KernelPageSize:\s+(\d+) kB$/m.exec(readProcFile(`${procRoot}/self/smaps`) ?? '')?.[1];
  return size === undefined ? PAGE_KIB : Number(size);
}
