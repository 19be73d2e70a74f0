import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { z } from 'zod';
import { CHARS_PER_TURN, type Document } from '../documents/documents.ts';

const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

/** Queue format for documents of one host and timestamp: this line, then two lines per document, compressed. */
const headSchema = z.object({ v: z.literal(1), host: z.string(), at: z.number(), namespace: z.string() });
export type PackHead = Omit<z.output<typeof headSchema>, 'v'>;

/** One document of the queue. */
export interface PackedDocument {
  /** Dataset without its prefix: `vm`. */
  readonly stream: string;
  /** As JSON. */
  readonly key: string;
  readonly body: string;
}

/** Approximate text per record, so that sending needs little more memory than a batch. */
const RECORD_CHARS = 512 * 1024;
/** Measured: level 1 takes a third of the time of the default, for a tenth more bytes. */
const LEVEL = 1;
/** virtune never writes records this large: a larger length means a damaged file. */
const RECORD_MAX_BYTES = 256 * 1024 * 1024;

/** Queue payloads, yielding to the event loop: thousands of VMs must not block a scrape. */
export async function* pack(
  head: PackHead,
  documents: Iterable<Document>,
): AsyncGenerator<{ readonly payload: Buffer; readonly documents: number }> {
  const first = `${JSON.stringify({ v: 1, ...head })}\n`;
  let text = first;
  let count = 0;
  let sinceTurn = 0;
  for (const { stream, key, body } of documents) {
    text += `${stream} ${JSON.stringify(key)}\n${body}\n`;
    count++;
    sinceTurn += body.length;
    if (sinceTurn > CHARS_PER_TURN) {
      sinceTurn = 0;
      await setImmediate();
    }
    if (text.length > RECORD_CHARS) {
      yield { payload: await compress(text, { level: LEVEL }), documents: count };
      text = first;
      count = 0;
    }
  }
  if (count > 0) yield { payload: await compress(text, { level: LEVEL }), documents: count };
}

/** Repacks queued documents of one host and timestamp, so that unpacking gives the same documents. */
export async function packAgain(head: PackHead, documents: readonly PackedDocument[]): Promise<Buffer> {
  const lines = documents.map(({ stream, key, body }) => `${stream} ${key}\n${body}\n`);
  return compress(`${JSON.stringify({ v: 1, ...head })}\n${lines.join('')}`, { level: LEVEL });
}

/** Undefined for data that was never packed, or by an unknown version. */
export async function unpack(
  payload: Buffer,
): Promise<{ readonly head: PackHead; readonly documents: readonly PackedDocument[] } | undefined> {
  try {
    const lines = (await decompress(payload, { maxOutputLength: RECORD_MAX_BYTES })).toString().split('\n');
    const checked = headSchema.safeParse(JSON.parse(lines[0] ?? ''));
    if (!checked.success) return undefined;
    const documents: PackedDocument[] = [];
    for (let line = 1; line + 1 < lines.length; line += 2) {
      const about = lines[line] ?? '';
      const space = about.indexOf(' ');
      documents.push({
        stream: about.slice(0, space),
        key: about.slice(space + 1),
        body: lines[line + 1] ?? '',
      });
    }
    return { head: checked.data, documents };
  } catch {
    return undefined;
  }
}
