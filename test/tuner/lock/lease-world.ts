import type { Scheduler } from 'fast-check';
import { ClosedError, ConnectError, RemoteError } from '../../../libvirt/errors.ts';
import { CallFailure } from '../../../simulator/call-failure.ts';
import { Secrets, secretXml } from '../../../simulator/secrets.ts';
import type { TunerConnection } from '../../../tuner/connection.ts';
import { acquireLease } from '../../../tuner/lock/acquire-lease.ts';
import type { HostLease } from '../../../tuner/lock/held-lease.ts';
import type { LeaseRecord } from '../../../tuner/lock/lease-record.ts';

/** A clock that only `advance` moves, with timers that wait for it. */
class Clock {
  #nowMs = 0;
  #waiting: { atMs: number; run: () => void }[] = [];

  readonly nowMs = (): number => this.#nowMs;

  readonly sleepMs = (ms: number): Promise<void> =>
    new Promise((resolve) => this.#waiting.push({ atMs: this.#nowMs + ms, run: resolve }));

  readonly repeat = (everyMs: number, run: () => void): (() => void) => {
    let stopped = false;
    const next = (): void => {
      if (stopped) return;
      this.#waiting.push({
        atMs: this.#nowMs + everyMs,
        run: () => {
          if (!stopped) run();
          next();
        },
      });
    };
    next();
    return () => {
      stopped = true;
    };
  };

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#waiting.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#waiting = this.#waiting.filter((each) => !due.includes(each));
    for (const { run } of due) run();
  }
}

/** A host's libvirt whose calls are executed and answered in an order that a scheduler chooses. */
export class LeaseHost {
  readonly clock = new Clock();
  secrets = new Secrets();
  #isAway = false;
  /** Number of libvirt starts: connections belong to one run of libvirt, and are closed when it ends. */
  #runs = 1;
  readonly #scheduler: Scheduler;
  /** UUIDs of leases in the order in which libvirt granted them. */
  readonly given: string[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Waits for a turn among everything that may happen in parallel. */
  turn(what: string): Promise<void> {
    return this.#scheduler.schedule(Promise.resolve(), what);
  }

  /** Ephemeral secrets disappear with it. */
  stopLibvirt(): void {
    this.#isAway = true;
    this.secrets = new Secrets();
  }

  startLibvirt(): void {
    this.#isAway = false;
    this.#runs += 1;
  }

  connection(user: LeaseUser): TunerConnection {
    if (this.#isAway) throw new ConnectError('LIBVIRT_NOT_FOUND', 'there is no libvirt');
    const run = this.#runs;
    const closed = (): Error | undefined =>
      this.#isAway || this.#runs !== run ? new ClosedError('closed') : undefined;
    const call = async (name: string, args: unknown): Promise<unknown> => {
      await this.turn(`${user.name}: ${name}`);
      await user.unlessDead();
      const cut = closed();
      if (cut !== undefined) throw cut;
      const answer = this.#perform(name, args);
      await this.turn(`${user.name}: answer of ${name}`);
      await user.unlessDead();
      if (answer instanceof CallFailure)
        throw new RemoteError(name, answer.libvirtCode, answer.libvirtDomain, answer.message);
      return answer;
    };
    return {
      call: call as TunerConnection['call'],
      get closed() {
        return closed();
      },
      close: async () => undefined,
    };
  }

  #perform(name: string, args: unknown): unknown {
    const { xml, uuid, secret, ...usage } = args as {
      xml: string;
      uuid: string;
      secret: { uuid: string };
      usageType: number;
      usageId: string;
    };
    const named = (found: object): object => ({ secret: found });
    try {
      switch (name) {
        case 'secretDefineXml': {
          const defined = this.secrets.define(xml);
          if (!this.given.includes(defined.uuid)) this.given.push(defined.uuid);
          return named(defined);
        }
        case 'secretLookupByUsage':
          return named(this.secrets.byUsage(usage));
        case 'secretLookupByUuid':
          return named(this.secrets.byUuid(uuid));
        case 'secretGetXmlDesc':
          return { xml: secretXml(this.secrets.byUuid(secret.uuid)) };
        case 'secretUndefine':
          this.secrets.undefine(secret.uuid);
          return undefined;
        default:
          throw new Error(`a lease makes no call ${name}`);
      }
    } catch (error) {
      if (error instanceof CallFailure) return error;
      throw error;
    }
  }
}

/** A user who tunes that host, from a machine where nothing can check whether it is alive. */
export class LeaseUser {
  readonly name: string;
  readonly #host: LeaseHost;
  #dead = false;

  constructor(name: string, host: LeaseHost) {
    this.name = name;
    this.#host = host;
  }

  /** Dies as by kill -9 or a power failure: none of its actions continue. */
  die(): void {
    this.#dead = true;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  unlessDead(): Promise<void> {
    return this.#dead ? new Promise(() => undefined) : Promise.resolve();
  }

  acquire(waitMs: number): Promise<HostLease> {
    const { nowMs, sleepMs, repeat } = this.#host.clock;
    const record: LeaseRecord = {
      format: 1,
      renewal: 0,
      user: this.name,
      machine: this.name,
      command: 'virtune tune apply',
      since: '2026-01-01T00:00:00Z',
      version: '1',
      process: { where: this.name, pid: 1, startTicks: '1' },
    };
    return acquireLease({
      open: async () => this.#host.connection(this),
      record,
      hostname: 'kvm1',
      waitMs,
      onSay: () => undefined,
      nowMs,
      sleepMs: async (ms) => {
        await sleepMs(ms);
        await this.unlessDead();
      },
      repeat: (everyMs, run) => repeat(everyMs, () => this.#dead || run()),
    });
  }
}
