import { Processes } from '../../../sampler/local/processes.ts';
import { listNames, readProcFile } from '../../../sampler/proc-file.ts';
import { SlowReads } from '../../../sampler/slow-reads.ts';
import type { StepDomain } from '../step.ts';
import type { StepHost } from '../step-host.ts';

/** The QEMU process of a running domain on this host. */
export interface GuestProcess {
  readonly pid: number;
  /** `/proc/PID` of it. */
  readonly folder: string;
}

export interface GuestThread {
  readonly tid: number;
  /** QEMU's name for it: `CPU 0/KVM`, `IO iothread1`. */
  readonly comm: string;
  readonly main: boolean;
  /** `/proc/PID/task/TID` of it. */
  readonly folder: string;
}

/** Undefined if virtune does not run on the host, or the process cannot be found there. */
export async function findProcess(host: StepHost, domain: StepDomain): Promise<GuestProcess | undefined> {
  if (host.local === undefined) return undefined;
  const { procRoot } = host.local;
  const { domain: found } = await host.call('domainLookupByUuid', { uuid: domain.uuid });
  // Not cached: a restart creates another process.
  const processes = new Processes(procRoot, new SlowReads(), host.nowMs);
  await processes.look([found]);
  const pid = processes.find([found]).get(found.uuid);
  return pid === undefined ? undefined : { pid, folder: `${procRoot}/${pid}` };
}

export function threadsOf({ pid, folder }: GuestProcess): GuestThread[] {
  return listNames(`${folder}/task`).flatMap((name) => {
    const task = `${folder}/task/${name}`;
    const comm = readProcFile(`${task}/comm`)?.trimEnd();
    return comm === undefined ? [] : [{ tid: Number(name), comm, main: Number(name) === pid, folder: task }];
  });
}
