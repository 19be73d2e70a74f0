import { closeSync, openSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { unreadableText } from '../../model/system-error.ts';
import type { HostSample } from '../host-sample.ts';
import { decode } from './codec.ts';
import { membersOf, SAMPLE_MAX_BYTES } from './members.ts';
import { RECORDING_VERSION, RecordingError } from './recorder.ts';

export interface RecordedHost {
  readonly name: string;
  readonly uri: string;
  readonly groups: readonly string[];
}

/** Where one sample is in the file. */
interface Entry {
  readonly offset: number;
  readonly length: number;
  readonly atMs: number;
  readonly host: RecordedHost;
}

/** A recording that is open for reading, sample by sample. */
export class Recording {
  readonly file: string;
  /** By their names, which are unique. */
  readonly hosts: readonly RecordedHost[];
  readonly #entries: readonly Entry[];
  readonly #defined: ReadonlyMap<number, unknown>;
  readonly #fd: number;
  /** Indexes of each host's samples, in order. */
  readonly #indexes = new Map<string, number[]>();

  private constructor(
    file: string,
    fd: number,
    { entries, defined }: { entries: readonly Entry[]; defined: ReadonlyMap<number, unknown> },
  ) {
    this.file = file;
    this.#fd = fd;
    this.#entries = entries;
    this.#defined = defined;
    this.hosts = [...new Map(entries.map(({ host }) => [host.name, host])).values()];
    for (const { name } of this.hosts) this.#indexes.set(name, []);
    entries.forEach(({ host }, index) => {
      this.#indexes.get(host.name)?.push(index);
    });
  }

  /**
   * Reads the file once, however large it is, and remembers where each sample is. A truncated last sample is left out.
   * @throws RecordingError when it is not a recording, or of an unknown version
   */
  static open(file: string): Recording {
    let fd: number | undefined;
    try {
      fd = openSync(file, 'r');
      return new Recording(file, fd, contentsOf(file, fd));
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      if (error instanceof RecordingError) throw error;
      const { syscall, message } = error as NodeJS.ErrnoException;
      if (syscall === undefined) throw new RecordingError(`${file} is damaged: ${message}`, { cause: error });
      throw new RecordingError(`${file} cannot be read: ${unreadableText(error)}`, { cause: error });
    }
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Indexes of a host's samples, oldest first. */
  indexesOf(host: string): readonly number[] {
    return this.#indexes.get(host) ?? [];
  }

  atMs(index: number): number {
    return this.#entries[index]?.atMs ?? 0;
  }

  /**
   * The host of a sample, without reading the sample.
   * @throws RecordingError if there is no sample at that index
   */
  hostAt(index: number): RecordedHost {
    return this.#entryAt(index).host;
  }

  /** @throws RecordingError if there is no sample at that index */
  read(index: number): { readonly host: RecordedHost; readonly sample: HostSample } {
    const entry = this.#entryAt(index);
    const bytes = Buffer.alloc(entry.length);
    readSync(this.#fd, bytes, 0, entry.length, entry.offset);
    const lines = linesOf(this.file, gunzipSync(bytes, { maxOutputLength: SAMPLE_MAX_BYTES }).toString());
    const line = lines.find((each) => each['sample'] !== undefined);
    const sample = decode(line?.['sample'], (id) => this.#defined.get(id));
    if (!isSample(sample))
      throw new RecordingError(`${this.file} is damaged: sample ${index + 1} is not valid`);
    return { host: entry.host, sample };
  }

  close(): void {
    closeSync(this.#fd);
  }

  #entryAt(index: number): Entry {
    const entry = this.#entries[index];
    if (entry === undefined) throw new RecordingError(`${this.file} has no sample ${index + 1}`);
    return entry;
  }
}

/** Where each sample is, and what was defined for them. @throws RecordingError */
function contentsOf(
  file: string,
  fd: number,
): { readonly entries: readonly Entry[]; readonly defined: ReadonlyMap<number, unknown> } {
  const entries: Entry[] = [];
  const defined = new Map<number, unknown>();
  /** The same object for all samples of a host. */
  const hosts = new Map<string, RecordedHost>();
  let isHeaderRead = false;
  for (const { offset, length, text } of membersOf(fd)) {
    const lines = linesOf(file, text, withoutSample);
    if (!isHeaderRead) checkHeader(file, lines[0]);
    isHeaderRead = true;
    for (const line of lines) {
      if (typeof line['define'] === 'number') {
        defined.set(
          line['define'],
          decode(line['value'], (id) => defined.get(id)),
        );
      } else if (line['sample'] !== undefined) {
        const key = JSON.stringify(line['host']);
        const host = hosts.get(key) ?? hostOf(line['host']);
        hosts.set(key, host);
        entries.push({ offset, length, atMs: Number(line['at']), host });
      }
    }
  }
  if (!isHeaderRead) throw notARecording(file);
  if (entries.length === 0) throw new RecordingError(`${file} contains no samples`);
  return { entries, defined };
}

/**
 * A line of a sample with `true` in place of the sample: parsing all samples of a recording of gigabytes would take
 * most of the time. JSON escapes a quote within a name, so the first match is where the sample begins.
 */
function withoutSample(line: string): string {
  const at = line.startsWith('{"at":') ? line.indexOf(',"sample":') : -1;
  return at < 0 ? line : `${line.slice(0, at)},"sample":true}`;
}

function linesOf(
  file: string,
  text: string,
  shortened: (line: string) => string = (line) => line,
): Readonly<Record<string, unknown>>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(shortened(line)) as Readonly<Record<string, unknown>>;
      } catch (error) {
        throw new RecordingError(`${file} is damaged: ${(error as Error).message}`, { cause: error });
      }
    });
}

function notARecording(file: string): RecordingError {
  return new RecordingError(`${file} is not a recording made with virtune top --record`);
}

function checkHeader(file: string, head: Readonly<Record<string, unknown>> | undefined): void {
  if (head?.['virtune'] !== 'recording') throw notARecording(file);
  if (head['version'] !== RECORDING_VERSION) {
    throw new RecordingError(
      `${file} was recorded by another version of virtune (format ${head['version']}; this one reads ${RECORDING_VERSION})`,
    );
  }
}

function hostOf(value: unknown): RecordedHost {
  const { name, uri, groups } = (value ?? {}) as Partial<RecordedHost>;
  return { name: String(name), uri: String(uri), groups: Array.isArray(groups) ? groups.map(String) : [] };
}

function isSample(value: unknown): value is HostSample {
  const sample = value as Partial<HostSample> | undefined;
  return typeof sample?.startedAtMs === 'number' && Array.isArray(sample.domains);
}
