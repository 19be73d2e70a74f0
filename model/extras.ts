import type { JobFigures } from './job.ts';

/** Figures of a domain that few domains have at a time. */
export interface DomainExtras {
  readonly job?: JobFigures | undefined;
  readonly snapshots?: SnapshotFigures | undefined;
  /** Asked only of a domain that did not answer. */
  readonly control?: ControlFigures | undefined;
  /** By target; only for a domain that an I/O error has stopped. */
  readonly diskErrors?: ReadonlyMap<string, DiskErrorKind> | undefined;
  /** By event, since virtune began to watch. */
  readonly events?: ReadonlyMap<string, number> | undefined;
}

export interface SnapshotFigures {
  readonly count: number;
  /** Wall clock, seconds since 1970. */
  readonly oldestAtSeconds: number | undefined;
}

/** The state of libvirt's own link to the domain's QEMU (virDomainControlState). */
export interface ControlFigures {
  readonly state: 'ok' | 'job' | 'occupied' | 'error';
  /** How long it has been so, ms; 0 while it is ok. */
  readonly sinceMs: number;
}

/** virDomainDiskErrorCode */
export const DISK_ERROR_KINDS = ['none', 'unspecified', 'no_space'] as const;
export type DiskErrorKind = (typeof DISK_ERROR_KINDS)[number];
