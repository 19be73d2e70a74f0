import { DomainState, PausedReason, ShutoffReason } from '../libvirt/constants.ts';

/** A domain's run as libvirt reports it: virDomainState, its reason, and whether it is active. */
export interface RunState {
  /** Whether libvirt has a QEMU process for it. */
  readonly active: boolean;
  readonly state: number | undefined;
  readonly reason: number | undefined;
}

/** A user requested the pause, or a start from a snapshot of a paused domain (virDomainPausedReason). */
export const PAUSED_ON_PURPOSE: readonly number[] = [PausedReason.user, PausedReason.fromSnapshot];

/** Paused for the duration of a job, or running on the other host of a migration. */
export const PAUSED_BY_JOB: readonly number[] = [
  PausedReason.migration,
  PausedReason.save,
  PausedReason.dump,
  PausedReason.snapshot,
  PausedReason.startingUp,
  PausedReason.postCopy,
];

/**
 * QEMU paused the domain because a request failed (`werror`, `rerror`: `stop`, or `enospace`). On storage that hosts share, one
 * fault pauses the VMs of all of them.
 */
export const PAUSED_BY_IO_ERROR: number = PausedReason.ioError;

/** QEMU exited unexpectedly, or libvirtd could not reconnect to it and killed it (virDomainShutoffReason). */
const STOPPED_BY_FAILURE: readonly number[] = [ShutoffReason.crashed, ShutoffReason.daemon];

/**
 * States of an active domain in which all vCPUs are stopped. `shutdown` is one: libvirt reports it once the guest is
 * off and QEMU is about to exit; a guest that is still shutting down is `running`.
 */
const STOPPED: ReadonlySet<number | undefined> = new Set([
  DomainState.paused,
  DomainState.shutdown,
  DomainState.crashed,
  DomainState.pmSuspended,
]);

/**
 * Whether the domain's vCPUs compete for CPUs. A state that libvirt did not report counts as running, which most active
 * domains are.
 */
export function vcpusCanRun({ active, state }: RunState): boolean {
  return active && state !== DomainState.shutoff && !STOPPED.has(state);
}

/** Whether QEMU holds the domain's memory: in every state but off, since a paused domain may resume at any moment. */
export function holdsMemory({ active, state }: RunState): boolean {
  return active && state !== DomainState.shutoff;
}

/**
 * Whether this is the stopped copy of a migration: the destination until the switchover, the source after it. The other
 * copy runs on another host.
 */
export function isMigrationCopy({ active, state, reason }: RunState): boolean {
  return (
    active &&
    state === DomainState.paused &&
    (reason === PausedReason.migration || reason === PausedReason.postCopy)
  );
}

/** Whether it is off because it has migrated away: this definition is what the migration left behind. */
export function hasMigratedAway({ active, state, reason }: RunState): boolean {
  return !active && state === DomainState.shutoff && reason === ShutoffReason.migrated;
}

/** Whether it is off or kept because its guest, its QEMU or libvirtd's link to it died. */
export function hasFailed({ state, reason }: RunState): boolean {
  return (
    state === DomainState.crashed ||
    (state === DomainState.shutoff && reason !== undefined && STOPPED_BY_FAILURE.includes(reason))
  );
}
