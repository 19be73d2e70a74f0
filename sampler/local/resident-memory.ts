import type { Domain } from '../../libvirt/wire/types.ts';
import { readProcFile } from '../proc-file.ts';
import type { Processes } from './processes.ts';

/** The page size of x86 and most others; read from this process if the kernel reports it. */
const PAGE_KIB = 4;

/**
 * Resident memory of QEMU, from the file that libvirt uses for balloon.rss (qemuGetProcessInfo): /proc has it for every
 * VM, even where libvirt would need a monitor command or the monitor is busy. The kernel answers from per-process
 * counters without a lock (get_mm_rss), so a stuck QEMU does not block the reader. statm has exact sums, which take
 * longer and differ from what virsh shows by some hundred KiB.
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

  /** KiB; undefined if the process was not found or has ended. */
  read(domain: Domain): number | undefined {
    const pid = this.#pids.get(domain.uuid);
    const pages =
      pid === undefined ? undefined : residentPages(readProcFile(`${this.#procRoot}/${pid}/stat`) ?? '');
    return pages === undefined ? undefined : pages * this.#pageKiB;
  }
}

/** Field 24 (proc_pid_stat(5)), counted from the end of the name, which may hold spaces; a zombie has 0. */
function residentPages(stat: string): number | undefined {
  const pages = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[21]);
  return pages > 0 ? pages : undefined;
}

/** The kernel's page size, from the first mapping of this process: the program itself, which uses ordinary pages. */
function basePageKiB(procRoot: string): number {
  const size = /^KernelPageSize:\s+(\d+) kB$/m.exec(readProcFile(`${procRoot}/self/smaps`) ?? '')?.[1];
  return size === undefined ? PAGE_KIB : Number(size);
}
