import { SecretUsage } from '../../libvirt/constants.ts';
import type { TunerConnection } from '../connection.ts';
import { TunerError } from '../errors.ts';
import { holderText, LEASE_USAGE, type LeaseRecord } from './lease-record.ts';
import { defineLease, findLease, leaseExists, type Secret, undefineLease } from './lease-secret.ts';

/* The lock of a host while a run holds it: checked before each step, renewed, released. */

/** How often the holder renews its lease. */
const RENEW_EVERY_MS = 15_000;
/** A lease without a renewal for this long, by the waiter's clock, belongs to a dead run. */
export const LEASE_MS = 60_000;

/** The lease on a host that this run holds. */
export interface HostLease {
  /**
   * `libvirt`: every other run through this libvirt, local or remote, is locked out. `none`: its libvirt has no
   * secrets, so only runs that share the state folder are.
   */
  readonly kind: 'libvirt' | 'none';
  /** @throws TunerError TUNE_LOCKED once another run holds the host, or may have held it. */
  check(): Promise<void>;
  /** Called before an undo, which continues without it: takes a lost lease again if possible. Never rejects. */
  regain(): Promise<void>;
  release(): Promise<void>;
}

export interface HeldLeaseOptions {
  readonly open: () => Promise<TunerConnection>;
  readonly record: LeaseRecord;
  readonly hostname: string;
  /** Reports that a dead run's lock was taken over, that this libvirt has no lock, or that the lock was lost. */
  readonly onSay: (text: string) => void;
  /** Monotonic. */
  readonly nowMs?: (() => number) | undefined;
  /** Repeats `run` until the returned function is called; absent: setInterval. */
  readonly repeat?: ((everyMs: number, run: () => void) => () => void) | undefined;
}

/** For a libvirt that provides no lock. */
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

/** A lease held by this run, renewed until its release. */
export class HeldLease implements HostLease {
  readonly kind = 'libvirt';
  readonly #uuid: string;
  readonly #options: HeldLeaseOptions;
  readonly #stopRenewing: () => void;
  #connection: TunerConnection;
  #record: LeaseRecord;
  #lost = false;
  #undoes = false;
  #warned = false;
  /** The renewal in flight. */
  #renewing: Promise<void> | undefined;
  /** When the last renewal was sent: no other run takes the lease over within 60 s of it. */
  #renewedMs: number;

  constructor(uuid: string, connection: TunerConnection, options: HeldLeaseOptions, renewedMs: number) {
    this.#uuid = uuid;
    this.#options = options;
    this.#connection = connection;
    this.#record = options.record;
    this.#renewedMs = renewedMs;
    // A failed renewal is noticed at the next check.
    this.#stopRenewing = (options.repeat ?? repeat)(RENEW_EVERY_MS, () => {
      // One at a time: a slow one that libvirt executed after the release would lock the host for another minute.
      this.#renewing ??= this.#renew()
        .catch(() => undefined)
        .finally(() => {
          this.#renewing = undefined;
        });
    });
  }

  async check(): Promise<void> {
    if (!this.#lost && (await leaseExists(this.#connection, this.#uuid))) return;
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
      if (await leaseExists(this.#connection, this.#uuid)) return;
      if ((await defineLease(this.#connection, this.#uuid, this.#record)) === undefined || this.#warned)
        return;
      const holder = await findLease(this.#connection);
      this.#warned = true;
      this.#options.onSay(
        `the lock of this host was lost and is now held by ${holderText(holder?.record)}; changes of this run are undone anyway`,
      );
    } catch {
      // libvirt is away: the undo waits for it, and each renewal tries again.
    }
  }

  async release(): Promise<void> {
    this.#stopRenewing();
    await this.#renewing;
    try {
      await undefineLease(this.#connection, this.#secret);
    } catch {
      // If libvirt has ended, so has the lock; otherwise it expires 60 s after its last renewal.
    } finally {
      await this.#connection.close().catch(() => undefined);
    }
  }

  get #secret(): Secret {
    return { uuid: this.#uuid, usageType: SecretUsage.tls, usageId: LEASE_USAGE };
  }

  /**
   * During an apply, only renews a lease that still exists: another run may have come and gone since. A define also
   * creates a missing secret, so one that ends 60 s after the last renewal proves nothing: the lease counts as lost.
   */
  async #renew(): Promise<void> {
    const startedMs = this.#nowMs();
    if (this.#undoes) await this.regain();
    if (!this.#undoes && (this.#lost || !(await leaseExists(this.#connection, this.#uuid)))) {
      this.#lost = true;
      return;
    }
    this.#record = { ...this.#record, renewal: this.#record.renewal + 1 };
    const refused = await defineLease(this.#connection, this.#uuid, this.#record);
    if (refused !== undefined || this.#nowMs() - this.#renewedMs >= LEASE_MS) this.#lost = true;
    else this.#renewedMs = startedMs;
  }

  #nowMs(): number {
    return (this.#options.nowMs ?? (() => performance.now()))();
  }
}
