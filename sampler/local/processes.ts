import type { Domain } from '../../libvirt/wire/types.ts';
import { listNames, readProcFile } from '../proc-file.ts';

/** A scan reads a file of every process on the host, so an unknown VM does not cause one at each tick. */
const SCAN_PAUSE_MS = 10_000;

/**
 * QEMU's process of each running domain, by the `-uuid` that libvirt starts it with: whole arguments are
 * compared, so no VM is taken for another whose name it starts with.
 */
export class Processes {
  readonly #procRoot: string;
  readonly #now: () => number;
  readonly #pids = new Map<string, number>();
  #scannedAtMs = Number.NEGATIVE_INFINITY;

  constructor(procRoot: string, now: () => number) {
    this.#procRoot = procRoot;
    this.#now = now;
  }

  /** By UUID; a domain whose process was not found is absent. */
  find(domains: readonly Domain[]): ReadonlyMap<string, number> {
    const running = domains.filter((domain) => domain.id !== -1);
    const keys = new Set(running.map(keyOf));
    for (const key of this.#pids.keys()) if (!keys.has(key)) this.#pids.delete(key);
    if (running.some((domain) => !this.#pids.has(keyOf(domain)))) this.#scan(running);
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

  #scan(running: readonly Domain[]): void {
    if (this.#now() - this.#scannedAtMs < SCAN_PAUSE_MS) return;
    this.#scannedAtMs = this.#now();
    const byUuid = new Map(running.map((domain) => [domain.uuid, domain]));
    for (const name of listNames(this.#procRoot)) {
      if (!/^\d+$/.test(name)) continue;
      const uuid = uuidArgument(readProcFile(`${this.#procRoot}/${name}/cmdline`));
      const domain = uuid === undefined ? undefined : byUuid.get(uuid);
      if (domain !== undefined) this.#pids.set(keyOf(domain), Number(name));
    }
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
