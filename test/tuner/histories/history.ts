import { expect } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { applyBatches, type RunResult } from '../../../tuner/apply/apply-batches.ts';
import { onHost } from '../../../tuner/apply/host-session.ts';
import type { TransactionOutcome } from '../../../tuner/apply/transaction.ts';
import { TunerError } from '../../../tuner/errors.ts';
import { acquireLease } from '../../../tuner/lock/acquire-lease.ts';
import { ownRecord } from '../../../tuner/lock/lease-record.ts';
import { markOf, type Plan } from '../../../tuner/plan/plan.ts';
import type { RestartLimits } from '../../../tuner/steps/step-host.ts';
import { broken, dedicatedToTwo } from './checks.ts';
import { type Job, perform } from './job.ts';
import { Abandoned, killedChild } from './kill.ts';
import type { HistoryStep, Kill } from './step.ts';
import { readAll, type User, type Wanted } from './user.ts';

/** A host on which a history is played. */
export interface HistoryHost {
  readonly uri: string;
  readonly restart: RestartLimits;
  /** Whether a real host may fail a planned change for this reason (such as pages); then it must be undone. */
  mayRefuse(failure: TransactionOutcome['failure']): boolean;
  /** Called after each step with the transactions in effect, oldest first. */
  onStep?(step: HistoryStep, standing: readonly string[]): void;
  /** Everything on it that the tuner can change. */
  picture(): Picture;
  /** Reboots a VM, as its owner would. */
  reboot(name: string): Promise<void>;
}

export interface Picture {
  /** Definitions for the next boot, byte for byte, by domain. */
  readonly definitions: Readonly<Record<string, string>>;
  /** The running state by domain, without what each start renews. */
  readonly runs: Readonly<Record<string, unknown>>;
  readonly host: unknown;
}

/** A transaction that is in effect or was interrupted. */
interface Standing {
  readonly user: User;
  readonly id: string;
  /** When it began, ISO 8601. */
  readonly at: string;
  readonly isOpen: boolean;
  /** The host before it; undefined once an earlier transaction has been undone. */
  readonly before: Picture | undefined;
}

/** Counts of what happened in histories. */
export type Figures = Record<string, number>;

/** Plays a history on a host, and checks all invariants after each step. */
export class History {
  readonly #host: HistoryHost;
  readonly #users: readonly User[];
  readonly #figures: Figures;
  readonly #abandoned = new Abandoned();
  /** Oldest first. */
  #standing: Standing[] = [];
  /** Domains that keep their running state until the next boot, after their definition was rolled back. */
  readonly #wait = new Set<string>();
  #brokenBefore: ReadonlySet<string> = new Set();
  /** Before the first step. */
  #start: Picture | undefined;

  constructor(host: HistoryHost, users: readonly User[], figures: Figures = {}) {
    this.#host = host;
    this.#users = users;
    this.#figures = figures;
  }

  /** Plays all steps, then rolls everything back, newest first. */
  async play(steps: readonly HistoryStep[]): Promise<void> {
    const start = this.#host.picture();
    this.#start = start;
    this.#brokenBefore = new Set(await broken(this.#host.uri));
    try {
      for (const step of steps) {
        await this.#make(step);
        this.#count('steps');
        this.#host.onStep?.(
          step,
          this.#standing.map(({ id, isOpen }) => `${id}${isOpen ? ' (open)' : ''}`),
        );
        await this.#checkInvariants(JSON.stringify(step));
      }
      await this.#unwind();
      await this.#checkInvariants('at the end');
      for (const name of this.#wait) await this.#host.reboot(name);
      expect(this.#host.picture()).toEqual(start);
      this.#count('histories');
    } finally {
      await this.#abandoned.end();
    }
  }

  async #make(step: HistoryStep): Promise<void> {
    switch (step.kind) {
      case 'plan':
        return this.#unchanged(async () => void (await this.#user(step.user).plan(step.wanted)));
      case 'apply':
        return step.kill === undefined
          ? this.#apply(this.#user(step.user), step.wanted)
          : this.#applyAndKill(this.#user(step.user), step.wanted, step.kill);
      case 'late yes':
        return this.#lateYes(this.#user(step.user), this.#user(1 - step.user), step);
      case 'both at once':
        return this.#bothAtOnce(step.wanted);
      case 'rollback':
        return this.#rollback(step);
      case 'recover':
        return this.#recover(this.#user(step.user), step.how, step.kill);
    }
  }

  /** Plans under the lock, as `apply --yes` does. */
  async #apply(user: User, wanted: Wanted, waitMs = 0): Promise<void> {
    const { hostname } = (await readAll(this.#host.uri)).host;
    const before = this.#host.picture();
    const options = user.options({ waitMs });
    let outcomes: readonly TransactionOutcome[] = [];
    const standing = this.#standing.map((each) => each.user);
    const refused = await refusal(() =>
      onHost({ uri: user.uri, hostname }, options, async (held) => {
        const { transactions, refusals, plan } = await user.plan(wanted);
        if (refusals.length > 0 || transactions.length === 0) {
          this.#count(refusals.length > 0 ? 'plans refused' : 'plans with nothing to do');
          return;
        }
        const result = await applyBatches(held, transactions, {
          ...options,
          canary: wanted.canary ?? 0,
          batch: wanted.batch ?? transactions.length,
          pauseMs: 0,
          sleep: async () => undefined,
          onOutcome: () => undefined,
        });
        expect(result.stopped).toBeUndefined();
        outcomes = result.outcomes.map(({ outcome }) => outcome);
        this.#count('transactions', outcomes.length);
        for (const each of result.outcomes) this.#countApplied(each, plan);
        if (standing.some((each) => each !== user)) this.#count('applied over what another user did');
        expect(dedicatedToTwo(await readAll(this.#host.uri), plan.placement.assignments)).toEqual([]);
      }),
    );
    if (refused !== undefined) {
      const mayBe = await this.#mayBeRefused(user);
      expect([refused.code, mayBe]).toEqual(['TUNE_INTERRUPTED', true]);
      this.#count('applies refused: an earlier one was interrupted');
      if (waitMs === 0) this.#expectSame(before);
    }
    for (const outcome of outcomes) {
      const refusedByHost = outcome.kind === 'undone' && this.#host.mayRefuse(outcome.failure);
      if (refusedByHost) this.#count(`undone: ${outcome.failure?.code}`);
      const { kind, failure, remains } = outcome;
      const wantedEnd = refusedByHost
        ? { kind: 'undone', failure }
        : { kind: 'committed', failure: undefined };
      expect({ kind, failure, remains }).toEqual({ ...wantedEnd, remains: [] });
    }
    if (outcomes.length === 0 && waitMs === 0) this.#expectSame(before);
    const named = new Set(wanted.picks.map(({ name }) => name));
    if (waitMs === 0) this.#expectOthersSame(before, named);
    await this.#learn(user, before);
  }

  async #applyAndKill(user: User, wanted: Wanted, kill: Kill): Promise<void> {
    const { transactions, refusals } = await user.plan(wanted);
    if (refusals.length > 0 || transactions.length === 0) return;
    await this.#killed(user, { kind: 'apply', transactions }, kill);
  }

  async #lateYes(
    first: User,
    second: User,
    { wanted, during, force = false }: Extract<HistoryStep, { kind: 'late yes' }>,
  ): Promise<void> {
    const { transactions, refusals } = await first.plan(wanted);
    const planned = this.#host.picture();
    await this.#apply(second, during);
    if (refusals.length > 0 || transactions.length === 0) return;
    const before = this.#host.picture();
    const moved = JSON.stringify(before) !== JSON.stringify(planned);
    const refused = await refusal(() => perform({ kind: 'apply', transactions }, first.options()));
    if (moved || (await this.#mayBeRefused(first))) {
      expect(refused?.code).toMatch(/^TUNE_(CHANGED|INTERRUPTED)$/);
      this.#expectSame(before);
      this.#count('plans refused as old');
    } else {
      expect(refused).toBeUndefined();
      this.#count('transactions', transactions.length);
    }
    await this.#learn(first, before);
    if (!force || refused?.code !== 'TUNE_CHANGED') return;
    this.#count('plans made again (--force)');
    await this.#apply(first, wanted);
  }

  /** One run waits for the other, and plans on the state it leaves. */
  async #bothAtOnce(wanted: readonly [Wanted, Wanted]): Promise<void> {
    await Promise.all(wanted.map((each, index) => this.#apply(this.#user(index), each, 60_000)));
    this.#standing = this.#standing
      .toSorted((a, b) => (a.at < b.at ? -1 : 1))
      .map((each) => ({ ...each, before: undefined }));
    this.#count('two at once');
  }

  async #rollback({ which, restarts, kill }: Extract<HistoryStep, { kind: 'rollback' }>): Promise<void> {
    const committed = this.#standing.filter(({ isOpen }) => !isOpen);
    const chosen = committed[committed.length - 1 - (which % Math.max(1, committed.length))];
    if (chosen === undefined) return;
    const { user, id } = chosen;
    const job: Job = { kind: 'rollback', id, restarts };
    if (kill !== undefined) return this.#killed(user, job, kill, chosen);
    const isNewest = chosen === this.#standing.at(-1);
    const refused = await refusal(async () => {
      const outcome = await this.#back(job, user);
      expect(outcome).toMatchObject({ kind: 'rolled back', remains: [] });
      this.#waiting(outcome);
    });
    if (refused !== undefined) {
      const mayBe = !isNewest || this.#isByHand(refused) || (await this.#mayBeRefused(user));
      expect([refused.code, refused.message, mayBe]).toEqual([
        expect.stringMatching(/^TUNE_(CHANGED|INTERRUPTED)$/),
        expect.anything(),
        true,
      ]);
      this.#count('rollbacks refused: newer ones depend on it');
      return;
    }
    this.#count(isNewest ? 'rollbacks of the newest' : 'rollbacks of an older one');
    if (isNewest && chosen.before !== undefined)
      expect(this.#host.picture().definitions).toEqual(chosen.before.definitions);
    this.#gone(chosen);
  }

  async #recover(user: User, how: 'undo' | 'finish', kill: Kill | undefined): Promise<void> {
    const open = this.#standing.find((each) => each.user === user && each.isOpen);
    if (open === undefined) return;
    const { hostname } = (await readAll(this.#host.uri)).host;
    const job: Job = { kind: 'recover', hostname, how };
    if (kill !== undefined) return this.#killed(user, job, kill, open);
    const isNewest = open === this.#standing.at(-1);
    const refused = await refusal(async () => {
      const outcome = await this.#back(job, user);
      this.#waiting(outcome);
      if (isNewest)
        expect(outcome).toMatchObject({ kind: expect.not.stringMatching('incomplete'), remains: [] });
      this.#count(`recovered: ${outcome?.kind}`);
    });
    if (refused !== undefined)
      expect([refused.code, how, refused.message]).toEqual(['TUNE_INTERRUPTED', 'finish', expect.anything()]);
    this.#touched(open);
    await this.#learn(user, this.#host.picture());
    const still = this.#standing.find(({ id }) => id === open.id);
    if (still !== undefined || !isNewest || open.before === undefined) return;
    expect(this.#host.picture().definitions).toEqual(open.before.definitions);
  }

  /** Acts as an owner who follows a refusal: restarts VMs whose pages are in use, and tries again. */
  async #back(job: Job, user: User): Promise<TransactionOutcome | undefined> {
    const [outcome, refused] = await this.#attempt(job, user);
    if (
      job.kind === 'rollback' &&
      /are in use until the next boot of .* --restart\)/.test(refused?.message ?? '')
    ) {
      this.#count('pages in use: rolled back with a restart');
      return this.#back({ ...job, restarts: true }, user);
    }
    if (refused !== undefined && !/cannot return to/.test(refused.message)) throw refused;
    const inUse = outcome?.remains.every(({ message }) => message.includes('running VMs use the rest'));
    if (refused === undefined && !(outcome?.kind === 'incomplete' && inUse === true)) return outcome;
    this.#count('pages in use');
    const { host, domains } = await readAll(this.#host.uri);
    for (const { domain, live } of domains)
      if (live?.facts.memory.hugepages !== undefined) await this.#host.reboot(domain.name);
    const next: Job = refused === undefined ? { kind: 'recover', hostname: host.hostname, how: 'undo' } : job;
    const [again, refusedAgain] = await this.#attempt(next, user);
    if (refusedAgain !== undefined) throw refusedAgain;
    return again;
  }

  /** Checks that a refused job has changed nothing. */
  async #attempt(job: Job, user: User): Promise<[TransactionOutcome | undefined, TunerError | undefined]> {
    let outcome: TransactionOutcome | undefined;
    const before = this.#host.picture();
    const refused = await refusal(async () => {
      [outcome] = await perform(job, user.options());
    });
    if (refused !== undefined) this.#expectSame(before);
    return [outcome, refused];
  }

  /**
   * Whether a rollback was refused for a VM with its definition from before the history: it was pinned by hand, its own
   * transactions were rolled back to that pin, and no rollback can move it.
   */
  #isByHand({ code, message }: TunerError): boolean {
    const name = /; "([^"]+)" has .*, not set by a later virtune transaction: move or unpin it/.exec(
      message,
    )?.[1];
    const definition = this.#start?.definitions[name ?? ''];
    return (
      code === 'TUNE_CHANGED' &&
      definition !== undefined &&
      /<(vcpu|emulator|iothread)pin /.test(definition) &&
      definition === this.#host.picture().definitions[name ?? '']
    );
  }

  /** `on`: the transaction that the job undoes, if it is not a new one. */
  async #killed(user: User, job: Job, kill: Kill, on?: Standing): Promise<void> {
    const { at, how } = kill;
    const before = this.#host.picture();
    let point = '';
    const refused = await refusal(async () => {
      point =
        how === 'child'
          ? await killedChild(user, this.#host.restart, job, kill)
          : await this.#abandoned.at(user, job, at, how === 'elsewhere');
      this.#count(point.startsWith('ended') ? 'ended before the kill' : `killed: ${how}`);
    });
    if (refused !== undefined) {
      expect(refused.code).toMatch(/^TUNE_(CHANGED|INTERRUPTED)$/);
      this.#expectSame(before);
    }
    // The final notes of a killed run were lost.
    for (const { header, events } of await user.journals()) {
      const noRestart = events.some((each) => each.event === 'rollback' && each.restarts.length === 0);
      if (noRestart) for (const { domain } of header.domains) this.#wait.add(domain.name);
    }
    if (how === 'elsewhere' && refused === undefined && !point.startsWith('ended'))
      await this.#leaseRunsOut();
    if (on !== undefined && refused === undefined) this.#touched(on);
    await this.#learn(user, before);
    if (this.#standing.some((each) => each.user === user && each.isOpen)) {
      this.#count('killed in the middle of a change');
      if (job.kind === 'apply') this.#count('transactions');
    }
  }

  /** A run that died elsewhere holds its lease for a minute, on a clock that only sleeps advance. */
  async #leaseRunsOut(): Promise<void> {
    let atMs = 0;
    const options = {
      open: () => connect(this.#host.uri, { readOnly: false }),
      record: ownRecord({ command: 'virtune tune apply', since: new Date().toISOString(), version: 'test' }),
      hostname: 'host',
      onSay: () => undefined,
      nowMs: () => atMs,
      sleepMs: async (ms: number) => {
        atMs += ms;
      },
    };
    const refused = await refusal(() => acquireLease({ ...options, waitMs: 0 }));
    expect(refused?.code).toBe('TUNE_LOCKED');
    const lease = await acquireLease({ ...options, waitMs: 70_000 });
    expect(atMs).toBeGreaterThanOrEqual(60_000);
    await lease.release();
  }

  /**
   * Rolls everything back, newest first. Interrupted transactions come first, since their users can do nothing else
   * before. If another user's transaction depends on one, that user must roll it back first.
   */
  async #unwind(): Promise<void> {
    for (let left = this.#standing.length; left > 0; left = this.#standing.length) {
      const cutOff = this.#standing.filter(({ isOpen }) => isOpen).toReversed();
      const free = this.#standing.filter(({ user }) => cutOff.every((each) => each.user !== user));
      for (const each of [...cutOff, ...free.slice(-1)]) if (await this.#takenBack(each)) break;
      expect(this.#standing).toHaveLength(left - 1);
    }
  }

  async #takenBack(standing: Standing): Promise<boolean> {
    const { user, id, isOpen, before } = standing;
    const isNewest = standing === this.#standing.at(-1);
    const { hostname } = (await readAll(this.#host.uri)).host;
    const job: Job = isOpen
      ? { kind: 'recover', hostname, how: 'undo' }
      : { kind: 'rollback', id, restarts: true };
    const outcome = await this.#backOrForced(job, user);
    this.#waiting(outcome);
    if (outcome?.kind === 'incomplete' && isOpen && !isNewest) {
      this.#touched(standing);
      return false;
    }
    expect(outcome).toMatchObject({
      id,
      kind: expect.stringMatching(/^(undone|rolled back)$/),
      remains: [],
    });
    if (isNewest && before !== undefined)
      expect(this.#host.picture().definitions).toEqual(before.definitions);
    this.#gone(standing);
    return true;
  }

  /**
   * A rollback across a VM that was pinned by hand before the history would put two VMs on one CPU for a while, and is
   * refused. Its user then uses --force. This loosens nothing: any other refusal is an error, and at the end the safety
   * rules hold and the host is still the same byte for byte.
   */
  async #backOrForced(job: Job, user: User): Promise<TransactionOutcome | undefined> {
    let outcome: TransactionOutcome | undefined;
    const refused = await refusal(async () => {
      outcome = await this.#back(job, user);
    });
    if (refused === undefined) return outcome;
    if (job.kind !== 'rollback' || !this.#isByHand(refused)) throw refused;
    this.#count('forced over a pin by hand');
    return this.#back({ ...job, force: true }, user);
  }

  /** Learns from the journals which transactions are in effect now. */
  async #learn(user: User, before: Picture): Promise<void> {
    const records = (await user.journals()).toReversed();
    const now = new Map(records.map((record) => [record.id, record.progress.status]));
    for (const each of this.#standing) {
      if (each.user === user && !['committed', 'open'].includes(now.get(each.id) ?? '')) this.#gone(each);
    }
    this.#standing = this.#standing.map((each) =>
      each.user === user ? { ...each, isOpen: now.get(each.id) === 'open' } : each,
    );
    let first = true;
    for (const { id, header, progress } of records) {
      if (!['committed', 'open'].includes(progress.status)) continue;
      if (this.#standing.some((each) => each.user === user && each.id === id)) continue;
      this.#standing.push({
        user,
        id,
        at: header.at,
        isOpen: progress.status === 'open',
        before: first ? before : undefined,
      });
      first = false;
    }
  }

  #gone(gone: Standing): void {
    this.#touched(gone);
    this.#standing = this.#standing.filter(({ id }) => id !== gone.id);
  }

  /** After an undo, even a partial one, the state of the host before later transactions is no longer known. */
  #touched(touched: Standing): void {
    const at = this.#standing.findIndex(({ id }) => id === touched.id);
    if (at < 0) return;
    this.#standing = this.#standing.map((each, index) =>
      index > at ? { ...each, before: undefined } : each,
    );
  }

  #waiting(outcome: TransactionOutcome | undefined): void {
    for (const note of outcome?.notes ?? []) {
      const name = /^domain "([^"]+)" keeps these settings until it is shut down and started again/.exec(
        note,
      )?.[1];
      if (name !== undefined) this.#wait.add(name);
    }
  }

  async #mayBeRefused(user: User): Promise<boolean> {
    return (await user.journals()).some(({ progress }) => progress.status === 'open');
  }

  async #checkInvariants(after: string): Promise<void> {
    const found = (await broken(this.#host.uri)).filter((each) => !this.#brokenBefore.has(each));
    expect(found, `after ${after}`).toEqual([]);
  }

  async #unchanged(what: () => Promise<void>): Promise<void> {
    const before = this.#host.picture();
    await what();
    this.#expectSame(before);
  }

  #expectSame(before: Picture): void {
    expect(this.#host.picture()).toEqual(before);
  }

  #expectOthersSame(before: Picture, named: ReadonlySet<string>): void {
    const now = this.#host.picture();
    for (const name of Object.keys(before.definitions)) {
      if (named.has(name)) continue;
      expect(now.definitions[name]).toBe(before.definitions[name]);
      expect(now.runs[name]).toEqual(before.runs[name]);
    }
  }

  #user(index: number): User {
    const user = this.#users[index];
    if (user === undefined) throw new RangeError(`there is no user ${index}`);
    return user;
  }

  #countApplied(
    { outcome, transaction: { steps, domains } }: RunResult['outcomes'][number],
    plan: Plan,
  ): void {
    if (outcome.kind !== 'committed') return;
    const restarted = steps.some(({ kind }) => kind === 'restart');
    if (restarted) this.#count('applied with a restart');
    else if (domains.some(({ live }) => live !== undefined)) this.#count('applied live');
    for (const { domain } of domains) {
      const planned = plan.domains.find(({ state }) => state.domain.uuid === domain.uuid);
      const mark = planned && markOf(planned.state);
      if (mark !== undefined && mark.profile !== planned?.profile.name) this.#count('profiles changed');
    }
  }

  #count(what: string, by = 1): void {
    this.#figures[what] = (this.#figures[what] ?? 0) + by;
  }
}

/** Why the tuner refused it; undefined if it did not. Other errors are rethrown. */
async function refusal(what: () => Promise<unknown>): Promise<TunerError | undefined> {
  try {
    await what();
    return undefined;
  } catch (error) {
    if (error instanceof TunerError) return error;
    throw error;
  }
}
