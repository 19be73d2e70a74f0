import type { CallResult } from '../libvirt/calls/all.ts';
import type { ManagedConnection } from '../libvirt/client/managed.ts';
import { DomainState, JobStatsFlag, JobType, PausedReason } from '../libvirt/constants.ts';
import type { EventName } from '../libvirt/events.ts';
import type { Domain } from '../libvirt/wire/types.ts';
import type { GroupName } from '../model/catalogue/catalogue.ts';
import {
  type ControlFigures,
  DISK_ERROR_KINDS,
  type DiskErrorKind,
  type DomainExtras,
} from '../model/extras.ts';
import { type JobFigures, readJob } from '../model/job.ts';
import type { Snapshots } from './snapshots.ts';

/** Events whose frequency is meaningful. */
const COUNTED_EVENTS = [
  'lifecycle',
  'ioError',
  'watchdog',
  'jobCompleted',
  'blockThreshold',
  'controlError',
] as const satisfies readonly EventName[];

/** What is known of a domain that has just answered. */
export interface Answered {
  /** virDomainState, and the reason code within that state. */
  readonly state?: number;
  readonly reason?: number;
  /** The state of libvirt's link to the domain, if it was queried in this tick. */
  readonly control: ControlFigures | undefined;
}

/** Each tick asks one in this many domains for a job; a domain that has a job is asked in every tick. */
const JOB_TURNS = 10;

/** As many VMs as libvirt lists (REMOTE_DOMAIN_LIST_MAX). */
const KNOWN_MAX = 16_384;

/** Pauses that are part of a job. */
const JOB_PAUSES: ReadonlySet<number> = new Set([
  PausedReason.migration,
  PausedReason.postCopy,
  PausedReason.save,
  PausedReason.dump,
  PausedReason.snapshot,
]);

interface JobReply {
  readonly type: number;
  readonly params: Parameters<typeof readJob>[0];
}

interface Known {
  job?: JobFigures | undefined;
  diskErrors?: ReadonlyMap<string, DiskErrorKind> | undefined;
  readonly events: Map<EventName, number>;
}

/** Collects what only few domains have at a time, and asks for it only where something hints at it. */
export class Extras {
  readonly #groups: ReadonlySet<GroupName>;
  readonly #snapshots: Snapshots | undefined;
  readonly #known = new Map<string, Known>();
  #tick = 0;

  constructor(options: {
    readonly groups: ReadonlySet<GroupName>;
    /** Absent if no group needs them. */
    readonly snapshots?: Snapshots | undefined;
  }) {
    this.#groups = options.groups;
    this.#snapshots = options.snapshots;
  }

  watch(control: ManagedConnection): void {
    for (const name of COUNTED_EVENTS) {
      control.on(name, ({ domain }) => {
        if (!this.#hasRoomFor(domain)) return;
        const { events } = this.#of(domain);
        events.set(name, (events.get(name) ?? 0) + 1);
      });
    }
    // The event carries the figures; the daemon forgets them with the next job.
    control.on('jobCompleted', ({ domain, params }) => {
      if (this.#hasRoomFor(domain)) this.#of(domain).job = readJob(params, false);
    });
  }

  startTick(uuids: ReadonlySet<string>): void {
    this.#tick++;
    for (const uuid of this.#known.keys()) if (!uuids.has(uuid)) this.#known.delete(uuid);
    this.#snapshots?.keepOnly(uuids);
  }

  /** Starts reading the snapshots of these domains, where due. */
  startSnapshots(domains: readonly Domain[]): void {
    for (const domain of domains) this.#snapshots?.start(domain);
  }

  /** Whether to ask this domain for its job in this tick: always if its state or libvirt's link shows one. */
  isJobDue(domain: Domain, index: number, { state, reason, control }: Answered): boolean {
    if (!this.#groups.has('job')) return false;
    return (
      this.#of(domain).job?.active === true ||
      control?.state === 'job' ||
      (state === DomainState.paused && reason !== undefined && JOB_PAUSES.has(reason)) ||
      (this.#tick + index) % JOB_TURNS === 0
    );
  }

  /**
   * Asks for the running job, else for the last completed one: a dump ends without an event, and the event of another
   * may have been missed. A domain that was saved or has migrated away no longer runs, but its job is known. `ask`
   * sends domainGetJobStats with these flags; the guest may block it, so a caller with a deadline has to apply that.
   */
  async readJob(domain: Domain, ask: (flags: number) => Promise<JobReply | undefined>): Promise<void> {
    const known = this.#of(domain);
    if (domain.id !== -1) {
      const running = await ask(0);
      if (running === undefined) return;
      if (running.type !== JobType.none) {
        known.job = readJob(running.params, true);
        return;
      }
    }
    if (known.job?.active === true) known.job = undefined;
    const ended = await ask(JobStatsFlag.completed | JobStatsFlag.keepCompleted);
    if (ended !== undefined && ended.type !== JobType.none) known.job = readJob(ended.params, false);
  }

  /**
   * Whether to ask this domain which of its disks failed: QEMU knows while the domain is paused by an I/O error, and
   * forgets when it resumes.
   */
  areDiskErrorsDue(domain: Domain, { state, reason }: { state?: number; reason?: number }): boolean {
    if (!this.#groups.has('devices')) return false;
    if (state === DomainState.paused && reason === PausedReason.ioError) return true;
    this.#of(domain).diskErrors = undefined;
    return false;
  }

  /** `ask` may be blocked by the guest, as in readJob. */
  async readDiskErrors(
    domain: Domain,
    ask: () => Promise<CallResult<'domainGetDiskErrors'> | undefined>,
  ): Promise<void> {
    const found = await ask();
    if (found === undefined) return;
    const kinds = found.errors.map(({ disk, error }): [string, DiskErrorKind] => [
      disk,
      DISK_ERROR_KINDS[error] ?? 'unspecified',
    ]);
    this.#of(domain).diskErrors = new Map(kinds.filter(([, kind]) => kind !== 'none'));
  }

  /** What is known of one domain. */
  read(
    domain: Domain,
    about: { readonly hasSnapshot: boolean; readonly control: ControlFigures | undefined },
  ): DomainExtras {
    const known = this.#of(domain);
    return {
      job: known.job,
      diskErrors: known.diskErrors,
      events: known.events,
      snapshots: about.hasSnapshot ? this.#snapshots?.of(domain) : undefined,
      control: this.#groups.has('events') ? about.control : undefined,
    };
  }

  /** Bounded, since there is no limit to events; the next sample forgets VMs that do not exist. */
  #hasRoomFor({ uuid }: Domain): boolean {
    return this.#known.size < KNOWN_MAX || this.#known.has(uuid);
  }

  #of(domain: Domain): Known {
    let known = this.#known.get(domain.uuid);
    if (known === undefined) {
      // Starts at 0: to Prometheus a series that appears has not increased, which would hide the first I/O error.
      known = { events: new Map(COUNTED_EVENTS.map((name) => [name, 0])) };
      this.#known.set(domain.uuid, known);
    }
    return known;
  }
}
