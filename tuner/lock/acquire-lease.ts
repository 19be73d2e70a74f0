import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TunerError } from '../errors.ts';
import type { LockHolder } from '../journal/lock.ts';
import { HeldLease, type HeldLeaseOptions, type HostLease, LEASE_MS, NO_LEASE } from './held-lease.ts';
import { holderOf, holderText, isKnownDead, type LeaseRecord } from './lease-record.ts';
import { defineLease, findLease, hasNoSecrets, undefineLease } from './lease-secret.ts';

const TRY_EVERY_MS = 500;
/** A define that keeps being refused while no run holds the lock is refused for another reason. */
const REFUSALS_MAX = 20;

export interface LeaseOptions extends HeldLeaseOptions {
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called once, if another run holds the host and this one waits. */
  readonly onWait?: ((holder: LockHolder | undefined) => void) | undefined;
  readonly sleepMs?: ((ms: number) => Promise<void>) | undefined;
}

/**
 * The lock of a host, held on that host: a secret without a value in its libvirt, with a fixed usage id and a UUID made
 * for this run. It works over every transport, with the rights that a change needs anyway.
 *
 * - Mutual exclusion: libvirt allows one secret per usage, and looks it up and adds it under one lock
 *   (virSecretObjListAdd): of two runs that define it at once, with different UUIDs, one is refused.
 * - A holder that dies: on the same machine the next run sees that the process is gone and takes over at once. From
 *   elsewhere it watches whether the lease is renewed, and takes over after 60 s without. It undefines the UUID that it
 *   watched, so it can never remove a lock that a third run has taken in between. The secret is ephemeral: it
 *   disappears when libvirtd (or virtsecretd) ends, and no file is left.
 * - Clocks: times of two machines are never compared; the waiter's own clock measures how long the record is unchanged.
 * - A holder that slept through its lease (a laptop, SIGSTOP): it looks for its own UUID before each step, and stops
 *   and undoes when it is gone, or when it could not be renewed for 60 s. A gap of one call remains, between check and
 *   step; if two plans then want one place, the second run sees it when it checks the whole host before its first step.
 * - Two versions: they share the usage id and the renewals; fields of the record are only added. A virtune without this
 *   lock is not locked out; its changes are detected before each transaction.
 *
 * @throws TunerError TUNE_LOCKED naming the holder, when the lock is not free in time.
 */
export async function acquireLease(options: LeaseOptions): Promise<HostLease> {
  const { open, waitMs, signal, onWait, onSay, hostname } = options;
  const nowMs = options.nowMs ?? (() => performance.now());
  const pause = options.sleepMs ?? ((ms: number) => sleep(ms, undefined, { signal }));
  const uuid = randomUUID();
  const connection = await open();
  try {
    const endMs = nowMs() + waitMs;
    let seen: { readonly text: string; readonly sinceMs: number } | undefined;
    let announced = false;
    let refusals = 0;
    for (;;) {
      const askedMs = nowMs();
      const refused = await defineLease(connection, uuid, options.record);
      if (refused === undefined) return new HeldLease(uuid, connection, options, askedMs);
      if (hasNoSecrets(refused)) {
        onSay(
          `libvirt on this host does not provide a lock (${refused.message}): runs from other machines are not locked out; instead, the state that the plan is based on is checked before and after each change`,
        );
        await connection.close();
        return NO_LEASE;
      }
      // An answer is true as of the request: a slow answer must not make the lease look older.
      const lookedMs = nowMs();
      const held = await findLease(connection);
      // Released in between.
      if (held === undefined) {
        if (++refusals > REFUSALS_MAX) throw refused;
        continue;
      }
      refusals = 0;
      const text = `${held.secret.uuid} ${held.description}`;
      if (seen?.text !== text) seen = { text, sinceMs: nowMs() };
      const { record } = held;
      const dead = record !== undefined && isKnownDead(record);
      if (dead || lookedMs - seen.sinceMs >= LEASE_MS) {
        await undefineLease(connection, held.secret);
        onSay(
          `took over the lock of ${holderText(record)}, which is no longer running; if it left changes unfinished, run virtune tune recover there`,
        );
        continue;
      }
      if (nowMs() >= endMs) throw locked(hostname, record);
      if (!announced) onWait?.(record && holderOf(record));
      announced = true;
      await pause(Math.min(TRY_EVERY_MS, Math.max(1, endMs - nowMs()))).catch(() => {
        throw new TunerError(
          'TUNE_STOPPED',
          'interrupted while waiting for the lock of the host; nothing was changed',
        );
      });
    }
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function locked(hostname: string, record: LeaseRecord | undefined): TunerError {
  return new TunerError(
    'TUNE_LOCKED',
    `host ${JSON.stringify(hostname)} is being tuned by ${holderText(record)}; try again later, or wait with --wait DURATION (the lock of a run that died on another machine expires after ${LEASE_MS / 1_000} s: --wait ${LEASE_MS / 1_000 + 10}s)`,
  );
}
