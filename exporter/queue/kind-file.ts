import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QueueError } from './queue-error.ts';
import { QUEUE_NAMES, type QueueKind, queueDirSetting } from './queue-kind.ts';
import { decodeRecord, findRecord } from './record.ts';

const FILE = 'kind';
/**
 * OTLP payloads are gzip (RFC 1952, 2.3.1). Those of Elasticsearch are raw deflate, which never starts with these
 * bytes.
 */
const GZIP = Buffer.from([0x1f, 0x8b]);
/** How a line of dead letters begins; written by DeadRequests and `letterOf`. */
const LETTERS = {
  otlp: /^\{"at":"[^"]*","sampled_at":\d+,"points":/,
  elasticsearch: /^\{"at":"[^"]*","index":"/,
} as const satisfies Record<QueueKind, RegExp>;
/** More than these patterns can match. */
const LETTER_START_BYTES = 256;

/**
 * Which sink's queue a folder holds. Folders of earlier versions lack the kind file; there it is inferred from records
 * and dead letters.
 * @returns undefined if the kind cannot be determined
 * @throws QueueError for a kind that this version does not know
 * @throws the system error when the folder or its kind file cannot be read
 */
export async function readKind(dir: string): Promise<QueueKind | undefined> {
  const names = await readdir(dir);
  const recorded = names.includes(FILE) ? (await readFile(join(dir, FILE), 'utf8')).trim() : '';
  if (recorded === 'elasticsearch' || recorded === 'otlp') return recorded;
  if (recorded !== '') {
    throw new QueueError(
      'QUEUE_FOLDER',
      `${dir} is the queue of another version of virtune (${join(dir, FILE)} contains ${JSON.stringify(recorded.slice(0, 40))}); choose another folder, or upgrade virtune`,
    );
  }
  // Only Elasticsearch parks streams in separate queues.
  if (names.includes('parked')) return 'elasticsearch';
  for (const name of names.filter((name) => name.endsWith('.vq')).sort()) {
    const kind = kindOfRecord(await startOf(join(dir, name)));
    if (kind !== undefined) return kind;
  }
  return names.includes('dead-letters') ? kindOfLetters(join(dir, 'dead-letters')) : undefined;
}

/** @throws QueueError when the folder has the queue of another sink */
export async function checkKind(dir: string, kind: QueueKind): Promise<void> {
  const found = await readKind(dir);
  if (found === undefined || found === kind) return;
  throw new QueueError(
    'QUEUE_FOLDER',
    `${dir} is the queue of ${QUEUE_NAMES[found]}; choose another folder with ${queueDirSetting(kind)}`,
  );
}

/** Rejects if the file cannot be written. Callers may ignore that: the kind can be inferred from the records. */
export async function writeKind(dir: string, kind: QueueKind): Promise<void> {
  const path = join(dir, FILE);
  const recorded = await readFile(path, 'utf8').catch(() => '');
  if (recorded.trim() !== kind) await writeFile(path, `${kind}\n`, { mode: 0o600 });
}

function kindOfRecord(bytes: Buffer): QueueKind | undefined {
  const at = findRecord(bytes, 0);
  const record = at === undefined ? undefined : decodeRecord(bytes.subarray(at));
  if (record === undefined) return undefined;
  return record.payload.subarray(0, GZIP.length).equals(GZIP) ? 'otlp' : 'elasticsearch';
}

async function kindOfLetters(dir: string): Promise<QueueKind | undefined> {
  const names = await readdir(dir);
  for (const name of names.filter((name) => /\.ndjson(\.claimed)?$/.test(name)).sort()) {
    const text = (await startOf(join(dir, name), LETTER_START_BYTES)).toString();
    for (const kind of ['otlp', 'elasticsearch'] as const) if (LETTERS[kind].test(text)) return kind;
  }
  return undefined;
}

/**
 * The first bytes of a file, or all of them. Empty for a file that cannot be read: it reveals no kind, and the next
 * user of the file reports the error.
 */
async function startOf(path: string, bytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read({
        buffer: Buffer.alloc(Math.min(size, bytes)),
        position: 0,
      });
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return Buffer.alloc(0);
  }
}
