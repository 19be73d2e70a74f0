import { statSync } from 'node:fs';
import { type DriftFigures, type DriftRecord, parseDriftRecord } from '../../model/drift-record.ts';
import { readProcFile } from '../proc-file.ts';

/** Far more than a host has VMs for; the file is small, but anybody may have put another one there. */
const MAX_BYTES = 4 * 1_024 * 1_024;

/** A check a day, an hour late: what is older says nothing of the VM now. */
const MAX_AGE_MS = 25 * 3_600_000;

/** The tuner's last check of each VM, as its file says; read again when the file has changed. */
export class DriftFile {
  readonly #path: string;
  #version = '';
  #record: DriftRecord | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Of a domain, at this wall clock; undefined where it was not checked, or the file is of another host. */
  of(uuid: string, hostname: string | undefined, nowMs: number): DriftFigures | undefined {
    const found = this.#record?.hostname === hostname ? this.#record?.domains.get(uuid) : undefined;
    if (found === undefined) return undefined;
    const isCurrent = nowMs - found.checkedAtMs <= MAX_AGE_MS;
    return { checkedAtMs: found.checkedAtMs, found: isCurrent ? found : undefined };
  }

  /** Reads the file if it has changed. */
  startTick(): void {
    const version = versionOf(this.#path);
    if (version !== this.#version) {
      this.#version = version;
      this.#record = version === '' ? undefined : parseDriftRecord(readProcFile(this.#path) ?? '');
    }
  }
}

/** Empty where there is no file of a size that it can have. The tuner replaces the file, so each has its inode. */
function versionOf(path: string): string {
  try {
    const file = statSync(path, { bigint: true });
    return file.isFile() && file.size <= MAX_BYTES ? `${file.ino} ${file.mtimeNs} ${file.size}` : '';
  } catch {
    return '';
  }
}
