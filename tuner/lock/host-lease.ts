import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, SecretUsage } from '../../libvirt/constants.ts';
import { isRemoteError, RemoteError } from '../../libvirt/errors.ts';
import type { TunerConnection } from '../connection.ts';
import { TunerError } from '../errors.ts';
import type { LockHolder } from '../journal/lock.ts';
import { isKnownDead, LEASE_USAGE, type LeaseRecord, leaseXml, readLease } from './lease-record.ts';

/** How often the holder renews its lease. */
const RENEW_EVERY_MS = 15_000;
/** A lease that was not renewed for so long, by the clock of the one that waits, is a dead run's. */
const LEASE_MS = 60_000;
const TRY_EVERY_MS = 500;
const CALL_MS = 30_000;
/** A define that is refused while nobody holds the lock is refused for another reason. */
const REFUSALS_MAX = 20;

export interface LeaseOptions {
  readonly open: () => Promise<TunerConnection>;
  readonly record: LeaseRecord;
  readonly hostname: string;
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called once, when there is somebody to wait for. */
  readonly onWait?: ((holder: LockHolder | undefined) => void) | undefined;
  /** Said: a dead run's lock was taken over, or this libvirt has no lock. */
  readonly onSay: (text: string) => void;
  /** Monotonic. */
  readonly nowMs?: (() => number) | undefined;
  readonly sleepMs?: ((ms: number) => Promise<void>) | undefined;
  /** Runs it again and again until the returned function is called; absent: setInterval. */
  readonly repeat?: ((everyMs: number, run: () => void) => () => void) | undefined;
}

/** A host that this run holds. */
export interface HostLease {
  /**
   * `libvirt`: every other run through this libvirt, local or remote, is locked out. `none`: its libvirt has no
   * secrets, so only the runs that share a state folder are.
   */
  readonly kind: 'libvirt' | 'none';
  /** @throws TunerError TUNE_LOCKED once another run holds the host, or may have held it. */
  check(): Promise<void>;
  /** Before an undo, which goes on without it: takes a lost lease again if it can be had. Never rejects. */
  regain(): Promise<void>;
  release(): Promise<void>;
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
      const refused = await define(connection, uuid, options.record);
      if (refused === undefined) return new Lease(uuid, connection, options, askedMs);
      if (hasNoSecrets(refused)) {
        onSay(
          `libvirt on this host does not provide a lock (${refused.message}): runs from other machines are not locked out; instead, the state that the plan is based on is checked before and after each change`,
        );
        await connection.close();
        return NO_LEASE;
      }
      // What an answer says was so after it was asked for; that the answer was slow makes no lease older.
      const lookedMs = nowMs();
      const held = await find(connection);
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
        await undefine(connection, held.secret);
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

interface Secret {
  readonly uuid: string;
  readonly usageType: number;
  readonly usageId: string;
}

/** Undefined when it is ours now. */
async function define(
  connection: TunerConnection,
  uuid: string,
  record: LeaseRecord,
): Promise<RemoteError | undefined> {
  try {
    const xml = leaseXml(uuid, record);
    await connection.call('secretDefineXml', { xml, flags: 0 }, { timeoutMs: CALL_MS });
    return undefined;
  } catch (error) {
    if (error instanceof RemoteError) return error;
    throw error;
  }
}

async function find(connection: TunerConnection) {
  try {
    const of = { usageType: SecretUsage.tls, usageId: LEASE_USAGE };
    const { secret } = await connection.call('secretLookupByUsage', of, { timeoutMs: CALL_MS });
    const { xml } = await connection.call('secretGetXmlDesc', { secret, flags: 0 }, { timeoutMs: CALL_MS });
    return { secret, ...readLease(xml) };
  } catch (error) {
    if (isRemoteError(error, ErrorCode.noSecret)) return undefined;
    throw error;
  }
}

/** By its UUID: one that another run has defined since has another. */
async function undefine(connection: TunerConnection, secret: Secret): Promise<void> {
  try {
    await connection.call('secretUndefine', { secret }, { timeoutMs: CALL_MS });
  } catch (error) {
    if (!isRemoteError(error, ErrorCode.noSecret)) throw error;
  }
}

/** No such driver, no daemon for it, or not for this user. */
function hasNoSecrets({ libvirtCode }: RemoteError): boolean {
  const { noSupport, accessDenied, operationDenied, systemError, noConnect } = ErrorCode;
  return [noSupport, accessDenied, operationDenied, systemError, noConnect].some(
    (code) => code === libvirtCode,
  );
}

const holderOf = ({ process, command, since, machine }: LeaseRecord): LockHolder => ({
  pid: process?.pid ?? 0,
  command,
  since,
  machine,
});

function holderText(record: LeaseRecord | undefined): string {
  if (record === undefined) return 'another run';
  const { user, machine, command, since, process } = record;
  const who = process === undefined ? '' : `process ${process.pid}, `;
  return `${user} on ${machine} (${who}${JSON.stringify(command)}, since ${since})`;
}

function locked(hostname: string, record: LeaseRecord | undefined): TunerError {
  return new TunerError(
    'TUNE_LOCKED',
    `host ${JSON.stringify(hostname)} is being tuned by ${holderText(record)}; try again later, or wait with --wait DURATION (the lock of a run that died on another machine expires after ${LEASE_MS / 1_000} s: --wait ${LEASE_MS / 1_000 + 10}s)`,
  );
}

/** Of a libvirt that has no lock to give. */
export const NO_LEASE: HostLease = {
  kind: 'none',
  check: async () => undefined,
  regain: async () => undefined,
  release: async () => undefined,
};

function repeat(everyMs: number, run: () => void): () => void {
  const timer = setInterval(run, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

class Lease implements HostLease {
  readonly kind = 'libvirt';
  readonly #uuid: string;
  readonly #options: LeaseOptions;
  readonly #stopRenewing: () => void;
  #connection: TunerConnection;
  #record: LeaseRecord;
  #lost = false;
  #undoes = false;
  #warned = false;
  /** The renewal under way. */
  #renewing: Promise<void> | undefined;
  /** When the last renewal was sent: nobody takes the lease over within 60 s of it. */
  #renewedMs: number;

  constructor(uuid: string, connection: TunerConnection, options: LeaseOptions, renewedMs: number) {
    this.#uuid = uuid;
    this.#options = options;
    this.#connection = connection;
    this.#record = options.record;
    this.#renewedMs = renewedMs;
    // What cannot be renewed is found at the next check.
    this.#stopRenewing = (options.repeat ?? repeat)(RENEW_EVERY_MS, () => {
      // One at a time: a slow one that libvirt did after the release would take the host for another minute.
      this.#renewing ??= this.#renew()
        .catch(() => undefined)
        .finally(() => {
          this.#renewing = undefined;
        });
    });
  }

  async check(): Promise<void> {
    if (!this.#lost && (await this.#isThere())) return;
    this.#lost = true;
    throw new TunerError(
      'TUNE_LOCKED',
      `the lock of host ${JSON.stringify(this.#options.hostname)} is lost: it was not renewed in time, or libvirt was restarted; another run may have started`,
    );
  }

  async regain(): Promise<void> {
    this.#undoes = true;
    try {
      if (this.#connection.closed !== undefined) this.#connection = await this.#options.open();
      if (await this.#isThere()) return;
      if ((await define(this.#connection, this.#uuid, this.#record)) === undefined || this.#warned) return;
      const holder = await find(this.#connection);
      this.#warned = true;
      this.#options.onSay(
        `the lock of this host was lost and is now held by ${holderText(holder?.record)}; changes of this run are undone anyway`,
      );
    } catch {
      // Its libvirt is away: the undo waits for it, and each renewal tries again.
    }
  }

  async release(): Promise<void> {
    this.#stopRenewing();
    await this.#renewing;
    try {
      await undefine(this.#connection, this.#secret);
    } catch {
      // Its libvirt is away, and the lock with it; else it ends 60 s after its last renewal.
    } finally {
      await this.#connection.close().catch(() => undefined);
    }
  }

  get #secret(): Secret {
    return { uuid: this.#uuid, usageType: SecretUsage.tls, usageId: LEASE_USAGE };
  }

  async #isThere(): Promise<boolean> {
    try {
      await this.#connection.call('secretLookupByUuid', { uuid: this.#uuid }, { timeoutMs: CALL_MS });
      return true;
    } catch (error) {
      if (isRemoteError(error, ErrorCode.noSecret)) return false;
      throw error;
    }
  }

  /**
   * Only what is still there, on the way forward: another run may have come and gone since. A define also makes what is
   * gone, so that one that ends 60 s after the last renewal says nothing: the lease counts as lost.
   */
  async #renew(): Promise<void> {
    const startedMs = this.#nowMs();
    if (this.#undoes) await this.regain();
    if (!this.#undoes && (this.#lost || !(await this.#isThere()))) {
      this.#lost = true;
      return;
    }
    this.#record = { ...this.#record, renewal: this.#record.renewal + 1 };
    const refused = await define(this.#connection, this.#uuid, this.#record);
    if (refused !== undefined || this.#nowMs() - this.#renewedMs >= LEASE_MS) this.#lost = true;
    else this.#renewedMs = startedMs;
  }

  #nowMs(): number {
    return (this.#options.nowMs ?? (() => performance.now()))();
  }
}
