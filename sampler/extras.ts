import type { Connection } from '../libvirt/client/connection.ts';
import type { ManagedConnection } from '../libvirt/client/managed.ts';
import { JobStatsFlag } from '../libvirt/constants.ts';
import type { EventName } from '../libvirt/events.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import type { ControlFigures, DomainExtras, SnapshotFigures } from '../model/extras.ts';
import { type JobFigures, readJob } from '../model/job.ts';
import { child, parseXml, text, wholeNumber } from '../model/xml.ts';

/** Events that say something by how often they come. */
const COUNTED_EVENTS = [
  'lifecycle',
  'ioError',
  'watchdog',
  'jobCompleted',
  'blockThreshold',
  'controlError',
] as const satisfies readonly EventName[];

/**
 * Events of which the first already pages somebody: a counter that only appears with it would show no increase.
 * A connection that cannot register for an event is not used, so 0 is what was counted.
 */
const COUNTED_FROM_ZERO: readonly (readonly [EventName, number])[] = [['ioError', 0]];

/** One domain in so many is asked for a job in each tick; one that has a job, in every tick. */
const JOB_TURNS = 10;
const SNAPSHOTS_MAX_AGE_MS = 60_000;
/** Snapshots whose XML is read for one domain at a time; the rest has its turn later. */
const SNAPSHOT_XML_MAX = 32;

const CONTROL_STATES = ['ok', 'job', 'occupied', 'error'] as const;

/** virDomainJobType: none. */
const NO_JOB = 0;

interface JobReply {
  readonly type: number;
  readonly params: Parameters<typeof readJob>[0];
}

interface Known {
  job?: JobFigures | undefined;
  readonly events: Map<string, number>;
  snapshots?: { readonly figures: SnapshotFigures; readonly dueAtMs: number } | undefined;
  /** When each snapshot was made, by its name. */
  readonly madeAtSeconds: Map<string, number>;
}

/** Gathers what few domains have at a time, each thing only where something points to it. */
export class Extras {
  readonly #groups: ReadonlySet<GroupName>;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  #tick = 0;

  constructor(options: {
    readonly groups: ReadonlySet<GroupName>;
    readonly timeoutMs: number;
    readonly now: () => number;
  }) {
    this.#groups = options.groups;
    this.#timeoutMs = options.timeoutMs;
    this.#now = options.now;
  }

  watch(control: ManagedConnection): void {
    for (const name of COUNTED_EVENTS) {
      control.on(name, ({ domain }) => {
        const { events } = this.#of(domain);
        events.set(name, (events.get(name) ?? 0) + 1);
      });
    }
    // The event brings the figures, which the daemon itself forgets with the next job.
    control.on('jobCompleted', ({ domain, params }) => {
      this.#of(domain).job = readJob(params, false);
    });
  }

  startTick(uuids: ReadonlySet<string>): void {
    this.#tick++;
    for (const uuid of this.#known.keys()) if (!uuids.has(uuid)) this.#known.delete(uuid);
  }

  /** Whether this domain is to be asked for its job in this tick. */
  isJobDue(domain: Domain, index: number): boolean {
    if (!this.#groups.has('job') || domain.id === -1) return false;
    return this.#of(domain).job?.active === true || (this.#tick + index) % JOB_TURNS === 0;
  }

  /**
   * Asks for the job that runs, else for the last one as it ended: only a migration ends with an event.
   * `ask` sends domainGetJobStats with these flags; it may be blocked by the guest, so whoever has a deadline
   * for that gives it.
   */
  async readJob(domain: Domain, ask: (flags: number) => Promise<JobReply | undefined>): Promise<void> {
    const known = this.#of(domain);
    const running = await ask(0);
    if (running === undefined) return;
    if (running.type !== NO_JOB) {
      known.job = readJob(running.params, true);
      return;
    }
    if (known.job?.active === true) known.job = undefined;
    const ended = await ask(JobStatsFlag.completed | JobStatsFlag.keepCompleted);
    if (ended !== undefined && ended.type !== NO_JOB) known.job = readJob(ended.params, false);
  }

  /** What is known of one domain; asks over calls that no guest can block. */
  async read(
    control: Connection,
    domain: Domain,
    about: { readonly hasSnapshot: boolean; readonly unresponsive: boolean },
  ): Promise<DomainExtras> {
    const known = this.#of(domain);
    const [snapshots, controlFigures] = await Promise.all([
      about.hasSnapshot && this.#groups.has('snapshot') ? this.#snapshots(control, domain) : undefined,
      about.unresponsive && this.#groups.has('events') ? this.#control(control, domain) : undefined,
    ]);
    return { job: known.job, events: known.events, snapshots, control: controlFigures };
  }

  #of(domain: Domain): Known {
    let known = this.#known.get(domain.uuid);
    if (known === undefined) {
      known = { events: new Map(COUNTED_FROM_ZERO), madeAtSeconds: new Map() };
      this.#known.set(domain.uuid, known);
    }
    return known;
  }

  async #control(control: Connection, domain: Domain): Promise<ControlFigures | undefined> {
    try {
      const info = await control.call(
        'domainGetControlInfo',
        { domain, flags: 0 },
        { timeoutMs: this.#timeoutMs },
      );
      return { state: CONTROL_STATES[info.state] ?? 'error', sinceMs: Number(info.stateTimeMs) };
    } catch {
      return undefined;
    }
  }

  async #snapshots(control: Connection, domain: Domain): Promise<SnapshotFigures | undefined> {
    const known = this.#of(domain);
    if (known.snapshots !== undefined && known.snapshots.dueAtMs > this.#now())
      return known.snapshots.figures;
    try {
      const timeout = { timeoutMs: this.#timeoutMs };
      const { snapshots } = await control.call(
        'domainListAllSnapshots',
        { domain, needResults: 1, flags: 0 },
        timeout,
      );
      const names = new Set(snapshots.map((snapshot) => snapshot.name));
      for (const name of known.madeAtSeconds.keys()) if (!names.has(name)) known.madeAtSeconds.delete(name);
      const unread = snapshots.filter((snapshot) => !known.madeAtSeconds.has(snapshot.name));
      for (const snapshot of unread.slice(0, SNAPSHOT_XML_MAX)) {
        const { xml } = await control.call('domainSnapshotGetXmlDesc', { snapshot, flags: 0 }, timeout);
        const madeAt = wholeNumber(
          text(child(parseXml('the snapshot', xml, 'domainsnapshot'), 'creationTime')),
        );
        if (madeAt !== undefined) known.madeAtSeconds.set(snapshot.name, madeAt);
      }
      const made = [...known.madeAtSeconds.values()];
      const figures = {
        count: snapshots.length,
        oldestAtSeconds: made.length === 0 ? undefined : Math.min(...made),
      };
      known.snapshots = { figures, dueAtMs: this.#now() + SNAPSHOTS_MAX_AGE_MS };
      return figures;
    } catch {
      return known.snapshots?.figures;
    }
  }
}
