import type { TypedParam } from '../libvirt/typed-params.ts';

/** virDomainJobOperation */
const OPERATIONS = [
  'unknown',
  'start',
  'save',
  'restore',
  'migration_in',
  'migration_out',
  'snapshot',
  'snapshot_revert',
  'dump',
  'backup',
  'snapshot_delete',
];

/** A long-running job of a domain (migration, save, dump, backup): as it runs, or as it ended. */
export interface JobFigures {
  readonly operation: string;
  readonly active: boolean;
  /** Only of a job that has ended. */
  readonly success: boolean | undefined;
  /** The rest by libvirt's names (VIR_DOMAIN_JOB_*): times in ms, sizes in bytes. */
  readonly figures: ReadonlyMap<string, number>;
}

export function readJob(params: readonly TypedParam[], active: boolean): JobFigures {
  const figures = new Map<string, number>();
  let operation = 'unknown';
  let success: boolean | undefined;
  for (const { field, value } of params) {
    if (field === 'operation') operation = OPERATIONS[Number(value)] ?? 'unknown';
    else if (field === 'success') success = value === true;
    else if (typeof value === 'number' || typeof value === 'bigint') figures.set(field, Number(value));
  }
  return { operation, active, success, figures };
}
