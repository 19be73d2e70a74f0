import { createReadStream } from 'node:fs';
import { z } from 'zod';
import type { BulkItem, SendItem } from '../bulk.ts';

/** A document that the server rejected. */
export interface DeadLetter {
  readonly item: BulkItem;
  readonly status: number;
  readonly reason: string;
}

/** One line of a dead letters file. Thanks to the id it can be sent repeatedly and is stored once. */
const letterSchema = z.object({
  /** When the server rejected it. */
  at: z.string(),
  /** The data stream. */
  index: z.string().regex(/^[^\s"\\]+$/),
  id: z.string().regex(/^[^\s"\\]+$/),
  /** ms since 1970. */
  sampled_at: z.number(),
  status: z.number(),
  reason: z.string(),
  /** JSON, as it was sent: a line of a bulk request. */
  document: z.string().refine(isLineOfJson),
});
export type Letter = z.output<typeof letterSchema>;

/** The parsed lines of a file. */
export interface Letters {
  readonly letters: readonly Letter[];
  /** Lines that are not letters, without line breaks: incomplete, damaged, or from another program. */
  readonly damaged: readonly Buffer[];
}

export function letterOf({ item, status, reason }: DeadLetter, nowMs: number): Letter {
  const { index, id, atMs, body } = item;
  const at = new Date(nowMs).toISOString();
  return { at, index, id, sampled_at: atMs, status, reason, document: body };
}

/** For sending it again: it may be stored after all, so every index that may have it is checked. */
export function itemOf({ index, id, document, sampled_at }: Letter): SendItem {
  return { index, id, body: document, atMs: sampled_at, isUnsure: true };
}

/** A line of a file of dead letters. */
export interface LetterLine {
  readonly bytes: Buffer;
  /** Undefined for a line that is not a letter. */
  readonly letter: Letter | undefined;
  /** False for the last line while it is being written, or after a failed write. */
  readonly isEnded: boolean;
}

/** The lines of a file that are not empty. */
export async function* readLines(path: string): AsyncGenerator<LetterLine> {
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const bytes = Buffer.concat([...rest, chunk.subarray(from, end)]);
      if (bytes.length > 0) yield { bytes, letter: parseLetter(bytes), isEnded: true };
      rest = [];
      from = end + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  const bytes = Buffer.concat(rest);
  if (bytes.length > 0) yield { bytes, letter: parseLetter(bytes), isEnded: false };
}

const NEWLINE = 0x0a;

function parseLetter(bytes: Buffer): Letter | undefined {
  try {
    const checked = letterSchema.safeParse(JSON.parse(bytes.toString()));
    return checked.success ? checked.data : undefined;
  } catch {
    return undefined;
  }
}

function isLineOfJson(text: string): boolean {
  try {
    JSON.parse(text);
    return !/[\r\n]/.test(text);
  } catch {
    return false;
  }
}
