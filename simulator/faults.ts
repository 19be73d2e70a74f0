import type { CallName } from '../libvirt/calls/all.ts';
import { ErrorCode } from '../libvirt/constants.ts';
import { CallFailure } from './call-failure.ts';
import type { SimulatedVm } from './vm.ts';

/** How long a call waits for a VM's job held by another client (QEMU_JOB_WAIT_TIME), ms. */
const JOB_WAIT_MS = 30_000;

/** A job on a VM, held by a client or libvirt itself; other calls have to wait. */
interface Job {
  readonly sinceMs: number;
  /** Whether it is asynchronous, such as a migration, a save or a backup. */
  readonly isAsync: boolean;
  readonly over: Promise<void>;
  readonly release: () => void;
}

export interface RunningJob {
  /** virDomainJobOperation */
  readonly operation: number;
  readonly sinceMs: number;
}

interface Hang {
  readonly sinceMs: number;
  readonly over: Promise<void>;
  readonly release: () => void;
}

interface Held {
  readonly which: (args: unknown) => boolean;
  readonly over: PromiseWithResolvers<void>;
}

/** How a start fails: QEMU exits before the guest runs, or soon after. */
export type StartFault =
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'crash'; readonly afterMs: number };

/** Faults of a real daemon and its guests, injected on demand. */
export class Faults {
  /** Added to every reply. */
  slowMs = 0;
  refuseAuth = false;
  /** How long a call waits for a held job; libvirt's 30 s by default. */
  jobWaitMs = JOB_WAIT_MS;
  readonly #hangs = new Map<string, Hang>();
  readonly #jobs = new Map<string, Job>();
  readonly #running = new Map<string, RunningJob>();
  readonly #held = new Map<CallName, Held>();
  readonly #starts = new Map<string, StartFault>();

  /** Calls that need the guest's monitor hang until unhang(). */
  hang(vm: SimulatedVm): void {
    if (this.#hangs.has(vm.uuid)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hangs.set(vm.uuid, { sinceMs: performance.now(), over: promise, release: resolve });
  }

  unhang(vm: SimulatedVm): void {
    this.#hangs.get(vm.uuid)?.release();
    this.#hangs.delete(vm.uuid);
  }

  /** How long the guest's monitor has hung, or undefined while it answers. */
  hungForMs(vm: SimulatedVm): number | undefined {
    const hang = this.#hangs.get(vm.uuid);
    return hang && performance.now() - hang.sinceMs;
  }

  /** Makes only the next start of the VM fail. */
  failNextStart(vm: SimulatedVm, fault: StartFault): void {
    this.#starts.set(vm.uuid, fault);
  }

  /** Returns the fault for this start and clears it. */
  startFault(vm: SimulatedVm): StartFault | undefined {
    const fault = this.#starts.get(vm.uuid);
    this.#starts.delete(vm.uuid);
    return fault;
  }

  /** Holds the VM's job until releaseJob(). */
  holdJob(vm: SimulatedVm, isAsync = false): void {
    if (this.#jobs.has(vm.uuid)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#jobs.set(vm.uuid, { sinceMs: performance.now(), isAsync, over: promise, release: resolve });
  }

  releaseJob(vm: SimulatedVm): void {
    this.#jobs.get(vm.uuid)?.release();
    this.#jobs.delete(vm.uuid);
  }

  isJobHeld(vm: SimulatedVm): boolean {
    return this.#jobs.has(vm.uuid);
  }

  /**
   * Runs an asynchronous job of this virDomainJobOperation until endJob(). Queries are allowed at the same time,
   * according to libvirt's default mask for such jobs (VIR_JOB_DEFAULT_MASK).
   */
  runJob(vm: SimulatedVm, operation: number): void {
    this.#running.set(vm.uuid, { operation, sinceMs: performance.now() });
  }

  endJob(vm: SimulatedVm): void {
    this.#running.delete(vm.uuid);
  }

  runningJob(vm: SimulatedVm): RunningJob | undefined {
    return this.#running.get(vm.uuid);
  }

  /** How long an asynchronous job, such as a migration or save, has run; undefined when there is none. */
  asyncJobForMs(vm: SimulatedVm): number | undefined {
    const held = this.#jobs.get(vm.uuid);
    const job = this.#running.get(vm.uuid) ?? (held?.isAsync === true ? held : undefined);
    return job && performance.now() - job.sinceMs;
  }

  /**
   * Simulates a call that needs the guest's monitor: waits for the job, holds it, waits for the monitor.
   * @throws CallFailure OPERATION_TIMEOUT when it does not get the job within jobWaitMs
   */
  async monitor(vm: SimulatedVm): Promise<void> {
    for (let job = this.#jobs.get(vm.uuid); job !== undefined; job = this.#jobs.get(vm.uuid)) {
      await this.#jobOver(job);
    }
    const hang = this.#hangs.get(vm.uuid);
    if (hang === undefined) return;
    this.holdJob(vm);
    await hang.over;
    this.releaseJob(vm);
  }

  async #jobOver({ over }: Job): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<'timeout'>();
    const timer = setTimeout(() => resolve('timeout'), this.jobWaitMs);
    const ended = await Promise.race([over, promise]);
    clearTimeout(timer);
    if (ended !== 'timeout') return;
    throw new CallFailure(
      ErrorCode.operationTimeout,
      'Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchConnectGetAllDomainStats)',
    );
  }

  /**
   * Calls of this name hang until release(), as when the daemon waits for something other than a guest. `which` selects
   * them by their arguments; default: all.
   */
  hold(name: CallName, which: (args: unknown) => boolean = () => true): void {
    if (!this.#held.has(name)) this.#held.set(name, { which, over: Promise.withResolvers<void>() });
  }

  release(name: CallName): void {
    this.#held.get(name)?.over.resolve();
    this.#held.delete(name);
  }

  async answerable(name: CallName, args: unknown): Promise<void> {
    const held = this.#held.get(name);
    if (held?.which(args) === true) await held.over.promise;
  }
}
