import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';

/** Where the kernel of the host reports its state. */
export interface LocalRoots {
  readonly procRoot: string;
  readonly sysRoot: string;
  readonly cgroupRoot: string;
}

/** How a domain is taken through a restart. */
export interface RestartLimits {
  /** How long a guest may take to shut down after it was asked to. */
  readonly shutdownMs: number;
  /** How long it has to stay up before it counts as started. */
  readonly settleMs: number;
  /** Whether a guest that does not obey is switched off. */
  readonly forceOff: boolean;
}

/** A domain's two descriptions before the transaction touched it. */
export interface SavedDomain {
  readonly live?: string | undefined;
  readonly inactive?: string | undefined;
}

/** What a live setting needs of the world. Nothing else of it is reached from here. */
export interface StepHost {
  /** Rejects like `Connection.call`. */
  call<N extends CallName>(name: N, args: CallArgs<N>, options?: CallWait): Promise<CallResult<N>>;
  /** Absent when virtune does not run on the host. */
  readonly local: LocalRoots | undefined;
  readonly restart: RestartLimits;
  /** Rejects when the run is interrupted; a wait of an undo is never cut short. */
  wait(ms: number): Promise<void>;
  nowMs(): number;
  /** For users who watch: a wait that takes long is said. */
  say(text: string): void;
  saved(uuid: string): SavedDomain | undefined;
  /** Domains, by UUID, that were asked to shut down: `deaf` ones did not in all the time that they had. */
  readonly shutdowns: Map<string, 'asked' | 'deaf'>;
  /** Domains, by UUID, that this process did not get to run: they did not start, did not stay up, or came up paused. */
  readonly failedStarts: Set<string>;
}

export interface CallWait {
  readonly timeoutMs: number;
}
