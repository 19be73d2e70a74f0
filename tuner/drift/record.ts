import { randomUUID } from 'node:crypto';
import { lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type DomainDrift,
  DRIFT_LEVELS,
  DRIFT_RECORD_FILE,
  DRIFT_STANDINGS,
  type DriftRecord,
  driftRecordText,
  parseDriftRecord,
  type RecordedEffect,
} from '../../model/drift-record.ts';
import { systemErrorText } from '../../model/system-error.ts';
import { makeFolder } from '../../sampler/make-folder.ts';
import { TunerError } from '../errors.ts';
import type { Drift } from './drift.ts';

export interface Checked {
  readonly drifts: readonly Drift[];
  /** UUIDs of VMs that were tuned with a profile that cannot be found or read; absent: none. */
  readonly withoutProfile?: readonly string[] | undefined;
  /** libvirt's name of the host that was checked. */
  readonly hostname: string;
  /** Whether all tuned VMs of the host were checked, and not only some: then the others are no longer tuned. */
  readonly isWhole: boolean;
  /** Of experiments on VMs of this host, by UUID; absent: none are known. */
  readonly effects?: ReadonlyMap<string, RecordedEffect> | undefined;
  /** Wall clock of the check, ms since 1970. */
  readonly atMs: number;
}

/**
 * Writes the result of a check for the exporter of the host; VMs that were not checked keep what an earlier check of
 * the same host found. Written atomically: the exporter may read at any moment.
 * @throws TunerError TUNE_RECORD when the file cannot be written, or its entries of other VMs cannot be read
 */
export async function writeDriftRecord(path: string, checked: Checked): Promise<void> {
  await refuseOtherFiles(path);
  const before = checked.isWhole ? undefined : await earlier(path, checked.hostname);
  const domains = new Map(before?.domains);
  const withoutProfile = new Map(before?.withoutProfile);
  for (const drift of checked.drifts) {
    const { uuid } = drift.plan.state.domain;
    domains.set(uuid, domainDrift(drift, checked.atMs));
    withoutProfile.delete(uuid);
  }
  for (const uuid of checked.withoutProfile ?? []) {
    withoutProfile.set(uuid, checked.atMs);
    domains.delete(uuid);
  }
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    // Any other path may be a typing error, so its folder is not created.
    if (path === DRIFT_RECORD_FILE) await makeFolder(dirname(path), { mode: 0o755 });
    await writeFile(
      partial,
      driftRecordText({
        hostname: checked.hostname,
        domains,
        withoutProfile,
        effects: checked.effects ?? new Map(),
      }),
      {
        mode: 0o644,
        flag: 'wx',
      },
    );
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw new TunerError(
      'TUNE_RECORD',
      `${path} cannot be written: ${systemErrorText(error)}; check that its folder exists and is writable, or name another file with --record-file`,
      { cause: error },
    );
  }
}

/** The file is replaced, so a device, a pipe or a link would be lost. */
async function refuseOtherFiles(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return;
  throw new TunerError(
    'TUNE_RECORD',
    `${path} is not a regular file and was not replaced; name a file with --record-file`,
  );
}

function domainDrift({ plan, rows, count }: Drift, atMs: number): DomainDrift {
  const countOf = <K extends string>(keys: readonly K[], found: readonly K[]): Record<K, number> =>
    Object.fromEntries(keys.map((key) => [key, found.filter((each) => each === key).length])) as Record<
      K,
      number
    >;
  return {
    checkedAtMs: atMs,
    isDrifted: count > 0,
    settings: countOf(
      DRIFT_STANDINGS,
      rows.map(({ standing }) => standing),
    ),
    violations: countOf(
      DRIFT_LEVELS,
      plan.violations.map(({ level }) => level),
    ),
  };
}

/** Undefined if no record of this host exists. */
async function earlier(path: string, hostname: string): Promise<DriftRecord | undefined> {
  try {
    const record = parseDriftRecord(await readFile(path, 'utf8'));
    return record.hostname === hostname ? record : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TunerError(
      'TUNE_RECORD',
      `${path} cannot be read, so earlier results for other VMs cannot be kept: ${systemErrorText(error)}; run the check without VM names to replace the file`,
      { cause: error },
    );
  }
}
