import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import {
  type DriftFigures,
  type DriftReason,
  type DriftRecord,
  DriftRecordError,
  parseDriftRecord,
} from '../../model/drift-record.ts';
import type { CallReason } from '../../model/host.ts';
import { systemErrorText } from '../../model/system-error.ts';
import { inTime } from '../deadline.ts';

/** Far larger than any host's VMs need; the file is small, but a user may have put another one there. */
const MAX_BYTES = 4 * 1_024 * 1_024;

/** A daily check, plus an hour: an older one says nothing about the VM now. */
const MAX_AGE_MS = 25 * 3_600_000;

/** The file's content when it was last read. */
type Content =
  | { readonly record: DriftRecord }
  | { readonly missing: DriftReason; readonly error?: DriftRecordError };

const NO_FILE: Content = { missing: 'not_measured' };

/** The tuner's last check of each VM, from its file; read again when the file has changed. */
export class DriftFile {
  readonly #path: string;
  readonly #onFailure: (error: DriftRecordError) => void;
  readonly #open: typeof open;
  #pending: Promise<void> | undefined;
  /** Version of the content; empty after a failed read, so that it is retried. */
  #version = '';
  #content: Content = NO_FILE;
  /** The last reported failure, while it persists. */
  #reported: string | undefined;

  /** @param onFailure called once when the file becomes unusable, and again when the reason changes */
  constructor(
    path: string,
    onFailure: (error: DriftRecordError) => void = () => undefined,
    openFile: typeof open = open,
  ) {
    this.#path = path;
    this.#onFailure = onFailure;
    this.#open = openFile;
  }

  /**
   * The drift of a domain at this wall-clock time.
   * @param host its name in libvirt, or the reason why that is unknown
   */
  of(
    uuid: string,
    host: { readonly hostname: string | undefined; readonly reason: CallReason | undefined },
    nowMs: number,
  ): DriftFigures {
    if (!('record' in this.#content)) return absent(this.#content.missing);
    const { hostname, domains, withoutProfile, effects } = this.#content.record;
    if (host.hostname === undefined) return absent(host.reason ?? 'not_asked_yet');
    if (host.hostname !== hostname) {
      this.#report(this.#otherHost(hostname, host.hostname));
      return absent('other_host');
    }
    this.#report(undefined);
    const found = domains.get(uuid);
    const effect = effects.get(uuid);
    if (found === undefined) {
      const lookedAtMs = withoutProfile?.get(uuid);
      if (lookedAtMs === undefined) return { ...absent('not_measured'), effect };
      return { ...absent(isCurrent(lookedAtMs, nowMs) ? 'no_profile' : 'stale'), effect };
    }
    const { checkedAtMs } = found;
    return isCurrent(checkedAtMs, nowMs)
      ? { checkedAtMs, found, effect }
      : { checkedAtMs, found: undefined, missing: 'stale', effect };
  }

  /**
   * Reads the file if it has changed, and waits for at most `withinMs`. One read at a time: a hung file system (NFS
   * without its server) costs one thread of four, and the last content is kept.
   */
  async look(withinMs: number): Promise<void> {
    if (this.#pending !== undefined) return;
    this.#pending = this.#update().finally(() => {
      this.#pending = undefined;
    });
    await inTime(this.#pending, withinMs);
  }

  async #update(): Promise<void> {
    this.#content = await this.#read();
    if (!('record' in this.#content)) this.#report(this.#content.error);
  }

  async #read(): Promise<Content> {
    let handle: FileHandle | undefined;
    try {
      // O_NONBLOCK, since a pipe in its place would wait for a writer.
      handle = await this.#open(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
      const file = await handle.stat({ bigint: true });
      if (!file.isFile()) return this.#unreadable('it is not a regular file');
      if (file.size > MAX_BYTES) return this.#unreadable('it is larger than 4 MiB');
      // The tuner replaces the file, so each version has a different inode.
      const version = `${file.dev} ${file.ino} ${file.mtimeNs} ${file.ctimeNs} ${file.size}`;
      if (version === this.#version) return this.#content;
      const content = this.#parse(await handle.readFile('utf8'));
      this.#version = version;
      return content;
    } catch (error) {
      this.#version = '';
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return NO_FILE;
      const isDenied = code === 'EACCES' || code === 'EPERM';
      return {
        missing: isDenied ? 'not_permitted' : 'unreadable',
        error: this.#failure(
          systemErrorText(error),
          isDenied
            ? "make it readable by the exporter's user: chmod 644 for the file, 755 for the folder"
            : undefined,
        ),
      };
    } finally {
      await handle?.close().catch(() => undefined);
    }
  }

  #parse(text: string): Content {
    try {
      return { record: parseDriftRecord(text) };
    } catch (error) {
      if (error instanceof DriftRecordError)
        return { missing: 'unreadable', error: this.#failure(error.message) };
      throw error;
    }
  }

  #unreadable(why: string): Content {
    this.#version = '';
    return { missing: 'unreadable', error: this.#failure(why) };
  }

  #otherHost(recorded: string, hostname: string): DriftRecordError {
    const why = `it was recorded for host ${JSON.stringify(recorded)}, but this host is ${JSON.stringify(hostname)}`;
    return this.#failure(
      why,
      'run virtune tune drift --record on this host, or name another file with --path.drift',
    );
  }

  #failure(
    why: string,
    next = 'remove it and run virtune tune drift --record, or name another file with --path.drift',
  ): DriftRecordError {
    return new DriftRecordError(`the drift record ${this.#path} cannot be used: ${why}; ${next}`);
  }

  #report(error: DriftRecordError | undefined): void {
    if (error?.message === this.#reported) return;
    this.#reported = error?.message;
    if (error !== undefined) this.#onFailure(error);
  }
}

function isCurrent(checkedAtMs: number, nowMs: number): boolean {
  return checkedAtMs <= nowMs && nowMs - checkedAtMs <= MAX_AGE_MS;
}

function absent(missing: DriftReason): DriftFigures {
  return { checkedAtMs: undefined, found: undefined, missing };
}
