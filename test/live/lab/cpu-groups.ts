import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Mount points of cgroup v1's cpu controller and of v2; some hosts have both. */
const V1 = '/sys/fs/cgroup/cpu';
const V2 = '/sys/fs/cgroup';

/** Runs for `share` of each 10 ms and catches up later if it could not, like a guest with a backlog of work. */
const BUSY_IN_PART = `
const [share] = process.argv.slice(1).map(Number);
const wait = new Int32Array(new SharedArrayBuffer(4));
const ranUs = () => { const { user, system } = process.cpuUsage(); return user + system; };
const [startedMs, startedUs] = [performance.now(), ranUs()];
for (let period = 1; ; period++) {
  while (ranUs() - startedUs < period * share * 10_000);
  const aheadMs = startedMs + period * 10 - performance.now();
  if (aheadMs > 0) Atomics.wait(wait, 0, 0, aheadMs);
}`;

/** A thread like a vCPU: the share of time it wants to run (1: always), and the list of CPUs that it may use. */
export interface Thread {
  readonly demand: number;
  readonly cpus: string;
}

/** libvirt's groups for a VM, with processes in place of vCPUs: one with a weight, with a child for each process. */
export class BusyGroup {
  readonly #folders: string[] = [];
  readonly #children: ChildProcess[] = [];

  /** `shares`: as in cgroup v1, where 1024 is the default. Version 2 gets a weight with the same ratio. */
  constructor(parent: CpuGroups, name: string, shares: number, threads: readonly Thread[]) {
    const folder = parent.make(name, shares);
    this.#folders.push(folder);
    threads.forEach(({ demand, cpus }, index) => {
      const vcpu = parent.make(join(name, `vcpu${index}`), 1_024);
      this.#folders.push(vcpu);
      const command =
        demand >= 1
          ? ['sh', '-c', 'while :; do :; done']
          : [process.execPath, '-e', BUSY_IN_PART, String(demand)];
      const child = spawn('taskset', ['-c', cpus, ...command], { stdio: 'ignore' });
      this.#children.push(child);
      writeFileSync(join(vcpu, 'cgroup.procs'), String(child.pid));
    });
  }

  /** CPU time of each process since its start, with all of its threads: the first figure of schedstat. */
  ranNs(): number[] {
    return this.#children.map(({ pid }) =>
      readdirSync(`/proc/${pid}/task`)
        .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
        .reduce((sum, ns) => sum + ns, 0),
    );
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    for (const folder of this.#folders.reverse()) rmdirSync(folder);
  }
}

/** A folder of control groups that compete with each other. */
export class CpuGroups {
  readonly #version: 1 | 2;
  readonly #folder: string;

  /** Undefined where this process may not create groups of the cpu controller. */
  static open(name: string): CpuGroups | undefined {
    try {
      if (existsSync(join(V1, 'cpu.shares'))) return new CpuGroups(1, join(V1, name));
      const controllers = readFileSync(join(V2, 'cgroup.controllers'), 'utf8').trim().split(' ');
      if (!controllers.includes('cpu')) return undefined;
      return new CpuGroups(2, join(V2, name));
    } catch {
      return undefined;
    }
  }

  private constructor(version: 1 | 2, folder: string) {
    this.#version = version;
    this.#folder = folder;
    if (version === 2) writeFileSync(join(V2, 'cgroup.subtree_control'), '+cpu');
    mkdirSync(folder);
  }

  make(name: string, shares: number): string {
    const folder = join(this.#folder, name);
    if (this.#version === 2) writeFileSync(join(folder, '..', 'cgroup.subtree_control'), '+cpu');
    mkdirSync(folder);
    if (this.#version === 1) writeFileSync(join(folder, 'cpu.shares'), String(shares));
    else writeFileSync(join(folder, 'cpu.weight'), String(Math.round((shares * 100) / 1_024)));
    return folder;
  }

  close(): void {
    rmdirSync(this.#folder);
  }
}
