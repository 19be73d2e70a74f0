import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TunerError } from '../errors.ts';
import type { LockHolder } from '../journal/lock.ts';
import { HeldLease, type HeldLeaseOptions, type HostLease, LEASE_MS, NO_LEASE } from './held-lease.ts';
import { holderOf, holderText, isKnownDead, type LeaseRecord } from './lease-record.ts';
import { defineLease, findLease, hasNoSecrets, undefineLease } from './lease-secret.ts';

const TRY_EVERY_MS = 500;
/** A define that is refused while nobody holds the lock is refused for another reason. */
const REFUSALS_MAX = 20;

export interface LeaseOptions extends HeldLeaseOptions {
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called once, if another run holds the host and this one waits. */
  readonly onWait?: ((holder: LockHolder | undefined) => void) | undefined;
  readonly sleepMs?: ((ms: number) => Promise<void>) | undefined;
}

/**
 * The lock of a host, held where the host is: a secret without a value in its libvirt, with a fixed usage id and a
 * UUID made for this run. It works over every transport, with the rights that a change needs anyway.
 *
 * - Mutual exclusion: libvirt has one secret for each usage, and looks and adds under one lock (virSecretObjListAdd):
 *   of two that define it at once, with UUIDs unlike each other, one is refused.
 * - A holder that dies: on the same machine the next run sees that the process is gone and takes over at once. From
 *   elsewhere it watches whether the lease is renewed, and takes over after 60 s without. It undefines the UUID that it
 *   watched, so it can never remove a lock that a third run has taken in between. The secret is ephemeral: a libvirtd
 *   (or virtsecretd) that ends takes it along, and no file is left.
 * - Clocks: no times of two machines are compared, only whether the record has changed, by the waiter's own clock.
 * - A holder that slept through its lease (a laptop, SIGSTOP): it looks for its own UUID before each step, and stops
 *   and undoes when it is gone, or when it could not be renewed for 60 s. What is left is the time of one call, between
 *   the look and the step; that two plans then want one place is caught by the second one's look at the whole host
 *   before its first step.
 * - Two versions: they share the usage id and the renewals; fields of the record are only added. A virtune that knows no
 *   such lock is not kept out; what it moved is seen before each transaction.
 *
 * @throws TunerError TUNE_LOCKED saying who holds it, when it is not free in time.
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
    let said = false;
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
      // What an answer says was so after it was asked for; that the answer was slow makes no lease older.
      const lookedMs = nowMs();
      const held = await findLease(connection);
      // It was let go of in between.
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
      if (!said) onWait?.(record && holderOf(record));
      said = true;
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
