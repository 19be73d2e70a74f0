import type { Domain } from '../../libvirt/wire/types.ts';
import { inTime } from '../deadline.ts';
import { listNames, readProcFile, readSlowProcFile } from '../proc-file.ts';
import type { SlowReads } from '../slow-reads.ts';

/** A scan reads a file of every process on the host, so an unknown VM does not cause one at each tick. */
const SCAN_PAUSE_MS = 10_000;
/** A stuck process may never return its command line: its mmap lock is held. */
const FILE_MS = 200;
/** How long a tick waits for a scan, which then continues in the background. */
const LOOK_MS = 1_000;
/** USER_HZ, in which the kernel reports times to user space: 100 on all architectures that KVM runs on. */
const TICKS_PER_SECOND = 100;

/**
 * The QEMU process of each running domain, found by the `-uuid` that libvirt starts it with: whole arguments are
 * compared, so no VM is mistaken for another whose name it starts with.
 */
export class Processes {
  readonly #procRoot: string;
  readonly #steadyMs: () => number;
  readonly #pids = new Map<string, number>();
  /** When each process started, wall clock; absent if /proc does not show it. */
  readonly #startsMs = new Map<string, number>();
  readonly #slowReads: SlowReads;
  #scannedAtMs = Number.NEGATIVE_INFINITY;
  #scan: Promise<void> | undefined;
  /** Processes whose command line was requested and has not been returned. */
  readonly #blocked = new Set<string>();

  constructor(procRoot: string, slowReads: SlowReads, steadyMs: () => number) {
    this.#procRoot = procRoot;
    this.#slowReads = slowReads;
    this.#steadyMs = steadyMs;
  }

  /** Scans for unknown processes where due, and waits for that, but not indefinitely. */
  async look(domains: readonly Domain[]): Promise<void> {
    this.find(domains);
    if (this.#scan !== undefined) await inTime(this.#scan, LOOK_MS);
  }

  /** By UUID; a domain whose process was not found is absent. */
  find(domains: readonly Domain[]): ReadonlyMap<string, number> {
    const running = domains.filter((domain) => domain.id !== -1);
    const keys = new Set(running.map(keyOf));
    for (const key of this.#pids.keys()) {
      if (keys.has(key)) continue;
      this.#pids.delete(key);
      this.#startsMs.delete(key);
    }
    if (running.some((domain) => !this.#pids.has(keyOf(domain)))) this.#beginScan(running);
    return new Map(
      running.flatMap((domain) => {
        const pid = this.#pids.get(keyOf(domain));
        return pid === undefined ? [] : [[domain.uuid, pid] as const];
      }),
    );
  }

  /** The PID of a running domain if known; does not search for it. */
  pidOf(domain: Domain): number | undefined {
    return this.#pids.get(keyOf(domain));
  }

  /** When the process of a running domain started, wall clock, to about a second; undefined if unknown. */
  startedAtMs(domain: Domain): number | undefined {
    return this.#startsMs.get(keyOf(domain));
  }

  /** The wall clock was set: shifts start times with it, as the kernel shifts the boot time in /proc/stat. */
  clockSet(byMs: number): void {
    for (const [key, startMs] of this.#startsMs) this.#startsMs.set(key, startMs + byMs);
  }

  #beginScan(running: readonly Domain[]): void {
    if (this.#scan !== undefined || this.#steadyMs() - this.#scannedAtMs < SCAN_PAUSE_MS) return;
    this.#scannedAtMs = this.#steadyMs();
    this.#scan = this.#scanAll(running).finally(() => {
      this.#scan = undefined;
    });
  }

  async #scanAll(running: readonly Domain[]): Promise<void> {
    const byUuid = new Map(running.map((domain) => [domain.uuid, domain]));
    for (const pid of this.#pidsOfQemuFirst()) {
      if (this.#blocked.has(pid)) continue;
      // A late answer counts, too.
      const found = this.#commandLine(pid).then((text) => {
        const domain = byUuid.get(uuidArgument(text) ?? '');
        if (domain !== undefined) this.#add(domain, pid);
      });
      await inTime(found, FILE_MS);
      // No more can be read until one of the reads in progress returns.
      if (this.#blocked.has(pid) && this.#slowReads.isFull) return;
    }
  }

  /**
   * On a busy host a command line can take 10 ms, and there are hundreds of processes: those named like QEMU come
   * first. Reading a name does not take the mmap lock.
   */
  #pidsOfQemuFirst(): string[] {
    const pids = listNames(this.#procRoot).filter((name) => /^\d+$/.test(name));
    const isQemu = (pid: string) => readProcFile(`${this.#procRoot}/${pid}/comm`)?.includes('qemu') === true;
    const first = new Set(pids.filter(isQemu));
    return [...first, ...pids.filter((pid) => !first.has(pid))];
  }

  #add(domain: Domain, pid: string): void {
    this.#pids.set(keyOf(domain), Number(pid));
    const atMs = startOf(
      readProcFile(`${this.#procRoot}/stat`),
      readProcFile(`${this.#procRoot}/${pid}/stat`),
    );
    if (atMs !== undefined) this.#startsMs.set(keyOf(domain), atMs);
  }

  /** Undefined if it cannot be read; may never resolve. */
  #commandLine(pid: string): Promise<string | undefined> {
    this.#blocked.add(pid);
    return this.#slowReads
      .run(() => readSlowProcFile(`${this.#procRoot}/${pid}/cmdline`))
      .finally(() => this.#blocked.delete(pid));
  }
}

/** A restarted domain has another process. */
function keyOf(domain: Domain): string {
  return `${domain.uuid} ${domain.id}`;
}

/**
 * When a process started, ms since 1970: the boot time of the host (`btime`) plus the 22nd field of the process's
 * `stat`, in ticks since boot (proc_stat(5), proc_pid_stat(5)). The second field is the program's name, which may
 * contain anything.
 */
export function startOf(stat: string | undefined, pidStat: string | undefined): number | undefined {
  const bootSeconds = Number(/^btime (\d+)$/m.exec(stat ?? '')?.[1] ?? Number.NaN);
  const fields = pidStat?.slice(pidStat.lastIndexOf(')') + 2).split(' ') ?? [];
  const ticks = Number(fields[22 - 3] ?? Number.NaN);
  const atMs = (bootSeconds + ticks / TICKS_PER_SECOND) * 1_000;
  return Number.isFinite(atMs) ? atMs : undefined;
}

export function uuidArgument(cmdline: string | undefined): string | undefined {
  const args = cmdline?.split('\0') ?? [];
  const at = args.indexOf('-uuid');
  return at < 0 ? undefined : args[at + 1];
}
