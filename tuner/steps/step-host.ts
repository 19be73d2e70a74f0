import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';

/** Where the host's kernel reports its state. */
export interface LocalRoots {
  readonly procRoot: string;
  readonly sysRoot: string;
  readonly cgroupRoot: string;
}

/** Limits for the restart of a domain. */
export interface RestartLimits {
  /** How long a guest may take to shut down after the request. */
  readonly shutdownMs: number;
  /** How long it must stay up before it counts as started. */
  readonly settleMs: number;
  /** Whether a guest that does not shut down is powered off. */
  readonly forceOff: boolean;
}

/** A domain's two descriptions before the transaction touched it. */
export interface SavedDomain {
  readonly live?: string | undefined;
  readonly inactive?: string | undefined;
}

/** All that live settings use of the outside world. */
export interface StepHost {
  /** Rejects like `Connection.call`. */
  call<N extends CallName>(name: N, args: CallArgs<N>, options?: CallWait): Promise<CallResult<N>>;
  /** Absent when virtune does not run on the host. */
  readonly local: LocalRoots | undefined;
  readonly restart: RestartLimits;
  /** Rejects if the run is interrupted; waits of an undo are never interrupted. */
  wait(ms: number): Promise<void>;
  nowMs(): number;
  /** For users who watch: announces long waits. */
  say(text: string): void;
  saved(uuid: string): SavedDomain | undefined;
  /** Domains, by UUID, that were asked to shut down: `deaf` ones did not within the whole timeout. */
  readonly shutdowns: Map<string, 'asked' | 'deaf'>;
  /** Domains, by UUID, that this process failed to start: they did not start, did not stay up, or came up paused. */
  readonly failedStarts: Set<string>;
}

export interface CallWait {
  readonly timeoutMs: number;
}
