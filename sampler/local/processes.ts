import type { Domain } from '../../libvirt/wire/types.ts';
import { inTime } from '../deadline.ts';
import { listNames, readSlowProcFile } from '../proc-file.ts';
import type { SlowReads } from '../slow-reads.ts';

/** A scan reads a file of every process on the host, so an unknown VM does not cause one at each tick. */
const SCAN_PAUSE_MS = 10_000;
/** A process that is stuck may never give its command line: its memory map is locked. */
const FILE_MS = 200;
/** How long a tick waits for a scan, which goes on after that. */
const LOOK_MS = 1_000;

/**
 * QEMU's process of each running domain, by the `-uuid` that libvirt starts it with: whole arguments are
 * compared, so no VM is taken for another whose name it starts with.
 */
export class Processes {
  readonly #procRoot: string;
  readonly #now: () => number;
  readonly #pids = new Map<string, number>();
  readonly #slowReads: SlowReads;
  #scannedAtMs = Number.NEGATIVE_INFINITY;
  #scan: Promise<void> | undefined;
  /** Processes whose command line was asked for and has not come back. */
  readonly #blocked = new Set<string>();

  constructor(procRoot: string, slowReads: SlowReads, now: () => number) {
    this.#procRoot = procRoot;
    this.#slowReads = slowReads;
    this.#now = now;
  }

  /** Looks for those that are not known yet, where that is due; waits for it, but not for ever. */
  async look(domains: readonly Domain[]): Promise<void> {
    this.find(domains);
    if (this.#scan !== undefined) await inTime(this.#scan, LOOK_MS);
  }

  /** By UUID; a domain whose process was not found is absent. */
  find(domains: readonly Domain[]): ReadonlyMap<string, number> {
    const running = domains.filter((domain) => domain.id !== -1);
    const keys = new Set(running.map(keyOf));
    for (const key of this.#pids.keys()) if (!keys.has(key)) this.#pids.delete(key);
    if (running.some((domain) => !this.#pids.has(keyOf(domain)))) this.#beginScan(running);
    return new Map(
      running.flatMap((domain) => {
        const pid = this.#pids.get(keyOf(domain));
        return pid === undefined ? [] : [[domain.uuid, pid] as const];
      }),
    );
  }

  /** Of a running domain whose process is known; does not look for it. */
  pidOf(domain: Domain): number | undefined {
    return this.#pids.get(keyOf(domain));
  }

  #beginScan(running: readonly Domain[]): void {
    if (this.#scan !== undefined || this.#now() - this.#scannedAtMs < SCAN_PAUSE_MS) return;
    this.#scannedAtMs = this.#now();
    this.#scan = this.#scanAll(running).finally(() => {
      this.#scan = undefined;
    });
  }

  async #scanAll(running: readonly Domain[]): Promise<void> {
    const byUuid = new Map(running.map((domain) => [domain.uuid, domain]));
    for (const name of listNames(this.#procRoot)) {
      if (!/^\d+$/.test(name) || this.#blocked.has(name)) continue;
      const uuid = uuidArgument(await this.#commandLine(name));
      const domain = uuid === undefined ? undefined : byUuid.get(uuid);
      if (domain !== undefined) this.#pids.set(keyOf(domain), Number(name));
      // Nothing more can be read before one of those that are out comes back.
      if (this.#blocked.has(name) && this.#slowReads.isFull) return;
    }
  }

  /** Undefined where it cannot be read, or does not come in time. */
  async #commandLine(pid: string): Promise<string | undefined> {
    this.#blocked.add(pid);
    const read = this.#slowReads
      .run(() => readSlowProcFile(`${this.#procRoot}/${pid}/cmdline`))
      .finally(() => this.#blocked.delete(pid));
    return inTime(read, FILE_MS);
  }
}

/** A restart is another process. */
function keyOf(domain: Domain): string {
  return `${domain.uuid} ${domain.id}`;
}

export function uuidArgument(cmdline: string | undefined): string | undefined {
  const args = cmdline?.split('\0') ?? [];
  const at = args.indexOf('-uuid');
  return at < 0 ? undefined : args[at + 1];
}
