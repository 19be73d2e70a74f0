import type { DomainExtras } from '../extras.ts';
import type { JobFigures } from '../job.ts';
import { msToSeconds } from '../units.ts';
import { type Group, type Point, scaled } from './metric.ts';

const MOVED = {
  data: 'Data of the job',
  memory: 'Memory transferred by the job',
  disk: 'Disk data transferred by the job',
} as const;
const SIZES = ['total', 'processed', 'remaining'];

export const jobGroup = {
  name: 'job',
  help: 'Migrations, saves, dumps and backups: running jobs, and the last completed one.',
  byDefault: true,
  costs:
    'One or two calls for one VM in ten per sample, and for each VM with a job; no monitor command without a job.',
  metrics: [
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_active',
      help: '1 while the job runs, 0 once it has ended.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ active }) => Number(active)),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_success',
      help: '1 when the completed job succeeded.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ success }) => (success === undefined ? undefined : Number(success))),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_elapsed_seconds',
      help: 'Elapsed time of the job, in seconds.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ figures }) => scaled(figures.get('time_elapsed'), msToSeconds)),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_remaining_seconds',
      help: 'Estimated remaining time of the job, in seconds.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ figures }) => scaled(figures.get('time_remaining'), msToSeconds)),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_downtime_seconds',
      help: 'Downtime of the guest, actual or expected, in seconds.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ figures }) => scaled(figures.get('downtime'), msToSeconds)),
    },
    ...(['data', 'memory', 'disk'] as const).map((what) => ({
      per: 'extras' as const,
      type: 'gauge' as const,
      name: `libvirt_domain_job_${what}_bytes` as const,
      help: `${MOVED[what]}, in bytes: total, processed, remaining.`,
      labels: ['operation', 'kind'],
      values: { kind: SIZES },
      when: hasJob,
      points: ({ job }: DomainExtras): Iterable<Point> => sizes(job, what),
    })),
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_memory_bytes_per_second',
      help: 'Memory transferred by the job per second, in bytes.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ figures }) => figures.get('memory_bps')),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_memory_iteration',
      help: 'Iterations of the job over memory dirtied by the guest.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ figures }) => figures.get('memory_iteration')),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_job_auto_converge_throttle_percent',
      help: 'Auto-converge throttling of the guest during the migration, in percent.',
      labels: ['operation'],
      when: hasJob,
      points: ({ job }) => ofJob(job, ({ figures }) => figures.get('auto_converge_throttle')),
    },
  ],
} as const satisfies Group;

export const snapshotGroup = {
  name: 'snapshot',
  help: 'Number of snapshots of each VM, and age of the oldest.',
  byDefault: true,
  costs: 'Two calls per minute for each VM with a snapshot.',
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
      help: 'Creation time of the oldest snapshot, in seconds since 1970.',
      needs: 'at least one snapshot',
      read: ({ snapshots }) => snapshots?.oldestAtSeconds,
    },
  ],
} as const satisfies Group;

export const eventsGroup = {
  name: 'events',
  help: "Events of each VM, and the state of libvirt's monitor connection to an unresponsive one.",
  byDefault: true,
  costs: 'None: libvirt sends the events; an unresponsive VM costs one call that cannot block.',
  metrics: [
    {
      per: 'extras',
      type: 'counter',
      name: 'libvirt_domain_events_total',
      help: 'Events of the domain since virtune started, 0 for those that did not occur: lifecycle, ioError, watchdog, jobCompleted, blockThreshold, controlError.',
      labels: ['event'],
      values: {
        event: ['lifecycle', 'ioError', 'watchdog', 'jobCompleted', 'blockThreshold', 'controlError'],
      },
      when: ({ events }) => events !== undefined,
      points: function* ({ events }): Generator<Point> {
        for (const [event, count] of events ?? []) yield [[event], count];
      },
    },
    {
      per: 'missing',
      type: 'gauge',
      name: 'virtune_domain_missing',
      help: '1 for each metric group without data for the domain, with the reason.',
      labels: ['group', 'reason'],
      when: (missing) => missing.length > 0,
      points: (missing) => missing.map(({ group, reason }): Point => [[group, reason], 1]),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_control_state',
      help: "1 for the state of libvirt's control interface to an unresponsive domain: ok, job, occupied, error.",
      labels: ['state'],
      values: { state: ['ok', 'job', 'occupied', 'error'] },
      needs: 'an unresponsive domain',
      when: ({ control }) => control !== undefined,
      points: ({ control }): Point[] => (control === undefined ? [] : [[[control.state], 1]]),
    },
    {
      per: 'extras',
      type: 'gauge',
      name: 'libvirt_domain_control_state_seconds',
      help: 'Time that the control interface has been in its state, in seconds.',
      needs: 'an unresponsive domain',
      read: ({ control }) => scaled(control?.sinceMs, msToSeconds),
    },
  ],
} as const satisfies Group;

function hasJob({ job }: DomainExtras): boolean {
  return job !== undefined;
}

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
