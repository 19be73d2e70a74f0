import type { JobFigures } from './job.ts';

/** Figures that only a few domains have at a time. */
export interface DomainExtras {
  readonly job?: JobFigures | undefined;
  readonly snapshots?: SnapshotFigures | undefined;
  /** Only requested for a domain that did not answer. */
  readonly control?: ControlFigures | undefined;
  /** By target; only for a domain that was paused by an I/O error. */
  readonly diskErrors?: ReadonlyMap<string, DiskErrorKind> | undefined;
  /** By event, since virtune began to watch. */
  readonly events?: ReadonlyMap<string, number> | undefined;
}

export interface SnapshotFigures {
  readonly count: number;
  /** Wall clock, seconds since 1970. */
  readonly oldestAtSeconds: number | undefined;
}

/** State of libvirt's connection to the domain's QEMU (virDomainControlState). */
export interface ControlFigures {
  readonly state: 'ok' | 'job' | 'occupied' | 'error';
  /** Time in this state, ms; 0 while it is ok. */
  readonly sinceMs: number;
}

/** virDomainDiskErrorCode */
export const DISK_ERROR_KINDS = ['none', 'unspecified', 'no_space'] as const;
export type DiskErrorKind = (typeof DISK_ERROR_KINDS)[number];
