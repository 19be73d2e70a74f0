import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { unreadableText } from '../../model/system-error.ts';
import type { HostSample } from '../host-sample.ts';
import { decode } from './codec.ts';
import { RECORDING_VERSION, RecordingError } from './recorder.ts';

export interface RecordedHost {
  readonly name: string;
  readonly uri: string;
  readonly groups: readonly string[];
}

/** Where one sample stands in the file. */
interface Entry {
  readonly offset: number;
  readonly length: number;
  readonly atMs: number;
  readonly host: RecordedHost;
}

/** A recording that is open for reading, sample by sample. */
export class Recording {
  readonly file: string;
  readonly #entries: readonly Entry[];
  readonly #defined: ReadonlyMap<number, unknown>;
  readonly #fd: number;

  private constructor(file: string, entries: readonly Entry[], defined: ReadonlyMap<number, unknown>) {
    this.file = file;
    this.#entries = entries;
    this.#defined = defined;
    this.#fd = openSync(file, 'r');
  }

  /**
   * Reads it through once, and remembers where each sample is. A last sample that was cut short is left out.
   * @throws RecordingError when it is not a recording, or of a version that is not known
   */
  static open(file: string): Recording {
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      throw new RecordingError(`${file} cannot be read: ${unreadableText(error)}`, { cause: error });
    }
    const entries: Entry[] = [];
    const defined = new Map<number, unknown>();
    let isHeaderRead = false;
    for (const member of members(bytes)) {
      const lines = linesOf(file, member.text);
      if (!isHeaderRead) checkHeader(file, lines[0]);
      isHeaderRead = true;
      for (const line of lines) {
        if (typeof line['define'] === 'number') {
          defined.set(
            line['define'],
            decode(line['value'], (id) => defined.get(id)),
          );
        } else if (line['sample'] !== undefined) {
          entries.push({
            offset: member.offset,
            length: member.length,
            atMs: Number(line['at']),
            host: hostOf(line['host']),
          });
        }
      }
    }
    if (!isHeaderRead) throw notOne(file);
    if (entries.length === 0) throw new RecordingError(`${file} contains no samples`);
    return new Recording(file, entries, defined);
  }

  get length(): number {
    return this.#entries.length;
  }

  /** By their names. */
  get hosts(): readonly RecordedHost[] {
    return [...new Map(this.#entries.map(({ host }) => [host.name, host])).values()];
  }

  atMs(index: number): number {
    return this.#entries[index]?.atMs ?? 0;
  }

  /**
   * Of which host a sample is, without reading it.
   * @throws RecordingError when there is none at that place
   */
  hostAt(index: number): RecordedHost {
    return this.#entryAt(index).host;
  }

  /** @throws RecordingError when there is none at that place */
  read(index: number): { readonly host: RecordedHost; readonly sample: HostSample } {
    const entry = this.#entryAt(index);
    const bytes = Buffer.alloc(entry.length);
    readSync(this.#fd, bytes, 0, entry.length, entry.offset);
    const lines = linesOf(this.file, gunzipSync(bytes, { maxOutputLength: SAMPLE_MAX_BYTES }).toString());
    const line = lines.find((each) => each['sample'] !== undefined);
    const sample = decode(line?.['sample'], (id) => this.#defined.get(id));
    if (!isSample(sample)) throw new RecordingError(`sample ${index + 1} of ${this.file} is not one`);
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

/** Of one sample, uncompressed: of 5,000 VMs it has some 50 MB. What is more is made to fill the memory. */
const SAMPLE_MAX_BYTES = 256 * 1024 * 1024;

/** Ten bytes that zlib writes before each member, and eight after it (RFC 1952, without optional parts). */
const HEAD_BYTES = 10;
const TAIL_BYTES = 8;

function* members(bytes: Buffer): Generator<{ offset: number; length: number; text: string }> {
  let offset = 0;
  while (offset + HEAD_BYTES < bytes.length) {
    if (bytes[offset] !== 0x1f || bytes[offset + 1] !== 0x8b || bytes[offset + 3] !== 0) return;
    let used: number;
    let text: string;
    try {
      // With `info`, zlib gives the engine too, which knows how much it took.
      const { buffer, engine } = inflateRawSync(bytes.subarray(offset + HEAD_BYTES), {
        info: true,
        maxOutputLength: SAMPLE_MAX_BYTES,
      }) as unknown as {
        buffer: Buffer;
        engine: { bytesWritten: number };
      };
      used = engine.bytesWritten;
      text = buffer.toString();
    } catch {
      // Cut short by a crash, or still being written.
      return;
    }
    const length = HEAD_BYTES + used + TAIL_BYTES;
    if (offset + length > bytes.length) return;
    yield { offset, length, text };
    offset += length;
  }
}

function linesOf(file: string, text: string): Readonly<Record<string, unknown>>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      try {
        return JSON.parse(line) as Readonly<Record<string, unknown>>;
      } catch (error) {
        throw new RecordingError(`${file} is damaged: ${(error as Error).message}`, { cause: error });
      }
    });
}

function notOne(file: string): RecordingError {
  return new RecordingError(`${file} is not a recording of virtune top --record`);
}

function checkHeader(file: string, head: Readonly<Record<string, unknown>> | undefined): void {
  if (head?.['virtune'] !== 'recording') throw notOne(file);
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
