import type { DomainExtras } from '../extras.ts';
import type { JobFigures } from '../job.ts';
import { msToSeconds } from '../units.ts';
import { type Group, type Point, scaled } from './metric.ts';

const MOVED = {
  data: 'Data of the job',
  memory: 'Memory that the job moves',
  disk: 'Disk data that the job moves',
} as const;
const SIZES = ['total', 'processed', 'remaining'];

export const jobGroup = {
  name: 'job',
  help: 'Migrations, saves, dumps and backups while they run, and the last one as it ended.',
  byDefault: true,
  costs:
    'A call or two for one VM in ten each time, and for each VM with a job; no monitor command without a job.',
  metrics: [
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_active',
      help: '1 while the job runs, 0 once it has ended.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ active }) => Number(active)),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_success',
      help: '1 when the job that ended did what it was to do.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ success }) => (success === undefined ? undefined : Number(success))),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_elapsed_seconds',
      help: 'Time that the job has taken, in seconds.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ figures }) => scaled(figures.get('time_elapsed'), msToSeconds)),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_remaining_seconds',
      help: 'Time that the job will still take by its own estimate, in seconds.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ figures }) => scaled(figures.get('time_remaining'), msToSeconds)),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_downtime_seconds',
      help: 'Time that the guest stood still, or is expected to, in seconds.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ figures }) => scaled(figures.get('downtime'), msToSeconds)),
    },
    ...(['data', 'memory', 'disk'] as const).map((what) => ({
      per: 'extras' as const,
      type: 'gauge' as const,
      name: `libvirt_domain_job_${what}_bytes` as const,
      help: `${MOVED[what]}, in bytes: total, processed, remaining.`,
      labels: ['operation', 'kind'],
      values: { kind: SIZES },
      points: ({ job }: DomainExtras): Iterable<Point> => sizes(job, what),
    })),
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_memory_bytes_per_second',
      help: 'Memory that the job moves a second, in bytes.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ figures }) => figures.get('memory_bps')),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_memory_iteration',
      help: 'How many times the job has gone over memory that the guest dirtied meanwhile.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ figures }) => figures.get('memory_iteration')),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_auto_converge_throttle_percent',
      help: 'How much the guest is slowed down so that the migration can end, in percent.',
      labels: ['operation'],
      points: ({ job }) => ofJob(job, ({ figures }) => figures.get('auto_converge_throttle')),
    },
  ],
} as const satisfies Group;

export const snapshotGroup = {
  name: 'snapshot',
  help: 'How many snapshots a VM has, and since when.',
  byDefault: true,
  costs: 'A call a minute for each VM that has a snapshot.',
  metrics: [
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_snapshots',
      help: 'Snapshots of the domain.',
      needs: 'at least one snapshot',
      read: ({ snapshots }) => snapshots?.count,
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_snapshot_oldest_timestamp_seconds',
      help: 'When the oldest snapshot was made, in seconds since 1970.',
      needs: 'at least one snapshot',
      read: ({ snapshots }) => snapshots?.oldestAtSeconds,
    },
  ],
} as const satisfies Group;

export const eventsGroup = {
  name: 'events',
  help: 'What happened to each VM, and how libvirt reaches one that does not answer.',
  byDefault: true,
  costs: 'Nothing: libvirt sends the events; a VM that does not answer costs one call that cannot block.',
  metrics: [
    {
      per: 'extras',
      type: 'counter',
      name: 'libvirt_domain_events_total',
      help: 'Events of the domain since virtune began to watch, 0 for those that have not come: lifecycle, ioError, watchdog, jobCompleted, blockThreshold, controlError.',
      labels: ['event'],
      values: {
        event: ['lifecycle', 'ioError', 'watchdog', 'jobCompleted', 'blockThreshold', 'controlError'],
      },
      points: function* ({ events }): Generator<Point> {
        for (const [event, count] of events ?? []) yield [[event], count];
      },
    },
    {
      per: 'missing',
      type: 'gauge',
      name: 'virtune_domain_missing',
      help: '1 for each group that tells nothing of the domain, with the reason.',
      labels: ['group', 'reason'],
      points: (missing) => missing.map(({ group, reason }): Point => [[group, reason], 1]),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_control_state',
      help: "1 for the state of libvirt's own link to a domain that does not answer: ok, job, occupied, error.",
      labels: ['state'],
      values: { state: ['ok', 'job', 'occupied', 'error'] },
      needs: 'a domain that does not answer',
      points: ({ control }): Point[] => (control === undefined ? [] : [[[control.state], 1]]),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_control_state_seconds',
      help: 'How long that link has been in its state, in seconds.',
      needs: 'a domain that does not answer',
      read: ({ control }) => scaled(control?.sinceMs, msToSeconds),
    },
  ],
} as const satisfies Group;

function* ofJob(
  job: JobFigures | undefined,
  read: (job: JobFigures) => number | undefined,
): Generator<Point> {
  const value = job === undefined ? undefined : read(job);
  if (job !== undefined && value !== undefined) yield [[job.operation], value];
}

function* sizes(job: JobFigures | undefined, what: string): Generator<Point> {
  for (const kind of SIZES) {
    const value = job?.figures.get(`${what}_${kind}`);
    if (job !== undefined && value !== undefined) yield [[job.operation, kind], value];
  }
}
