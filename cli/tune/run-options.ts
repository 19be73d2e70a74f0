import { connect } from '../../libvirt/client/connect.ts';
import type { RunOptions } from '../../tuner/apply/host-session.ts';
import type { Point } from '../../tuner/journal/journal.ts';
import { describeStep } from '../../tuner/steps/describe.ts';
import type { LocalRoots } from '../../tuner/steps/step-host.ts';
import { isLocalUri } from '../local-uri.ts';
import { log } from '../log.ts';
import { readVersion } from '../version.ts';
import { commandLine } from './command-line.ts';
import { connectTimeoutMs, type TuneFlags } from './options.ts';

/** A restarted libvirtd is back within seconds; this leaves time for one that crashed to be noticed and restarted. */
const RECONNECT_MS = 60_000;

const ROOTS: LocalRoots = { procRoot: '/proc', sysRoot: '/sys', cgroupRoot: '/sys/fs/cgroup' };

/** Where /proc and /sys of the URI's host are mounted; undefined for a remote host. */
export function localRoots(uri: string): LocalRoots | undefined {
  return isLocalUri(uri) ? ROOTS : undefined;
}

/** Options of a transaction that changes something; durations in seconds, as on the command line. */
export interface RunFlags extends TuneFlags {
  readonly wait: number;
  readonly shutdownTimeout: number;
  readonly settle: number;
  readonly forceOff?: boolean | undefined;
  readonly trace?: boolean | undefined;
}

/** For transactions that neither restart VMs nor wait for a lock. */
export const NO_RESTART: Omit<RunFlags, keyof TuneFlags> = { wait: 0, shutdownTimeout: 0, settle: 0 };

function logPoint({ when, what }: Point): void {
  if (when === 'before') log(`    ${what}`);
}

export function runOptions(flags: RunFlags, signal: AbortSignal): RunOptions {
  return {
    stateDir: flags.stateDir,
    open: (uri) => connect(uri, { readOnly: false, timeoutMs: connectTimeoutMs(flags) }),
    local: localRoots,
    version: readVersion(),
    command: commandLine(),
    restart: {
      shutdownMs: flags.shutdownTimeout * 1_000,
      settleMs: flags.settle * 1_000,
      forceOff: flags.forceOff ?? false,
    },
    waitMs: flags.wait * 1_000,
    reconnectMs: RECONNECT_MS,
    callTimeoutMs: flags.timeout === undefined ? undefined : flags.timeout * 1_000,
    signal,
    now: () => new Date(),
    onEvent: (event, step) => {
      if (step === undefined) return;
      if (event.event === 'doing') log(`  ${describeStep(step)}`);
      if (event.event === 'undoing') log(`  undoing: ${describeStep(step)}`);
      if (event.event === 'done') for (const proof of event.proof) log(`    seen: ${proof}`);
    },
    ...(flags.trace === true && { trace: logPoint }),
    onSay: (text) => log(`  ${text}`),
    onWait: (holder) =>
      log(
        holder === undefined
          ? 'virtune: waiting for another run on this host'
          : `virtune: waiting for process ${holder.pid}${holder.machine === undefined ? '' : ` on ${holder.machine}`} (${holder.command}), which has locked this host since ${holder.since}`,
      ),
  };
}
