import type { TunerConnection } from '../connection.ts';
import { TunerError } from '../errors.ts';
import { openStateFolder, type StateFolder } from '../journal/folder.ts';
import type { JournalOptions, Trace } from '../journal/journal.ts';
import { type LockHolder, lockHost } from '../journal/lock.ts';
import type { JournalEvent, JournalHeader } from '../journal/records.ts';
import { acquireLease } from '../lock/acquire-lease.ts';
import type { HostLease } from '../lock/held-lease.ts';
import { ownRecord } from '../lock/lease-record.ts';
import type { Step } from '../steps/step.ts';
import type { LocalRoots, RestartLimits } from '../steps/step-host.ts';
import { unlessStopped } from '../unless-stopped.ts';
import { HostLink } from './host-link.ts';

/** Options of every command that works on a transaction. */
export interface RunOptions {
  readonly stateDir: string;
  /** Opens a writable connection. */
  readonly open: (uri: string) => Promise<TunerConnection>;
  /** Roots of the kernel's file systems on that URI's host; undefined when virtune does not run there. */
  readonly local: (uri: string) => LocalRoots | undefined;
  /** Version of virtune. */
  readonly version: string;
  /** As it was typed. */
  readonly command: string;
  readonly restart: RestartLimits;
  /** How long to wait for another run on the same host. */
  readonly waitMs: number;
  /** During an undo: how long to wait for libvirt to come back. */
  readonly reconnectMs: number;
  /** How long one call of libvirt may take; absent: 60 s. */
  readonly callTimeoutMs?: number | undefined;
  /** Aborting undoes what was done. An undo continues. */
  readonly signal?: AbortSignal | undefined;
  readonly now: () => Date;
  /** Called with each event once it is in the journal, and with its step. */
  readonly onEvent?: ((event: JournalEvent, step: Step | undefined) => void) | undefined;
  /** Called before something that takes long. */
  readonly onSay?: ((text: string) => void) | undefined;
  readonly onWait?: ((holder: LockHolder | undefined) => void) | undefined;
  /** Called before and after each libvirt call and each line of the journal. */
  readonly trace?: Trace | undefined;
}

/** A host that no other run tunes now. */
export interface HeldHost {
  readonly folder: StateFolder;
  readonly lease: HostLease;
}

/**
 * Calls `run` while no other run tunes that host: flock(2) excludes runs that share the state folder, a lease in
 * libvirt excludes all that reach the same libvirt, from any machine.
 *
 * @throws TunerError TUNE_LOCKED naming the holder, TUNE_STOPPED when it was stopped before it began.
 */
export async function onHost<T>(
  { uri, hostname }: Pick<JournalHeader, 'uri' | 'hostname'>,
  options: RunOptions,
  run: (held: HeldHost) => Promise<T>,
): Promise<T> {
  const { stateDir, command, version, waitMs, signal, now, onWait, onSay, open } = options;
  const folder = await unlessStopped(signal, () => openStateFolder(stateDir));
  const endMs = performance.now() + waitMs;
  const lock = await lockHost(folder, { hostname, command, waitMs, signal, now, onWait });
  try {
    const lease = await acquireLease({
      open: () => open(uri),
      record: ownRecord({ command, version, since: now().toISOString() }),
      hostname,
      waitMs: Math.max(0, endMs - performance.now()),
      signal,
      onWait,
      onSay: onSay ?? (() => undefined),
    });
    try {
      return await run({ folder, lease });
    } finally {
      await lease.release();
    }
  } finally {
    await lock.release();
  }
}

/** Calls `run` with an open link to the host. */
export async function linked<T>(
  of: Pick<JournalHeader, 'uri' | 'hostname' | 'domains'>,
  options: RunOptions,
  run: (link: HostLink) => Promise<T>,
  lease?: HostLease,
): Promise<T> {
  const { open, local, restart, reconnectMs, callTimeoutMs, signal, trace, onSay } = options;
  const link = new HostLink({
    open: () => open(of.uri),
    local: local(of.uri),
    restart,
    reconnectMs,
    callTimeoutMs,
    lease,
    signal,
    trace: trace ?? (() => undefined),
    say: onSay ?? (() => undefined),
    saved: (uuid) => of.domains.find(({ domain }) => domain.uuid === uuid),
  });
  await link.open();
  try {
    const { hostname } = await link.call('connectGetHostname', undefined);
    if (hostname !== of.hostname) throw anotherHost(of, hostname);
    return await run(link);
  } finally {
    await link.close();
  }
}

function anotherHost({ uri, hostname }: Pick<JournalHeader, 'uri' | 'hostname'>, found: string): TunerError {
  return new TunerError(
    'TUNE_CHANGED',
    `${uri} connects to host ${JSON.stringify(found)}, but the transaction is for host ${JSON.stringify(hostname)}; nothing was changed`,
  );
}

/** `stepOf` finds an event's step: the journal may not exist yet. */
export function journalOptions(
  { now, trace, onEvent, onSay }: RunOptions,
  stepOf: (index: number) => Step | undefined,
): JournalOptions {
  return {
    now,
    trace: trace ?? (() => undefined),
    onStuck: onSay ?? (() => undefined),
    onEvent: (event) =>
      onEvent?.(event, 'step' in event && event.step !== undefined ? stepOf(event.step) : undefined),
  };
}
