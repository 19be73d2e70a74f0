import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { BulkItem, SendItem } from '../bulk.ts';

/** A document that the server rejected. */
export interface DeadLetter {
  readonly item: BulkItem;
  readonly status: number;
  readonly reason: string;
}

/** One line of a file of dead letters. With the id it can be sent again, as often as it takes, and is stored once. */
const letterSchema = z.object({
  /** When the server rejected it. */
  at: z.string(),
  /** The data stream. */
  index: z.string(),
  id: z.string(),
  /** ms since 1970. */
  sampled_at: z.number(),
  status: z.number(),
  reason: z.string(),
  /** JSON, as it was sent. */
  document: z.string(),
});
export type Letter = z.output<typeof letterSchema>;

export function letterOf({ item, status, reason }: DeadLetter, nowMs: number): Letter {
  const { index, id, atMs, body } = item;
  const at = new Date(nowMs).toISOString();
  return { at, index, id, sampled_at: atMs, status, reason, document: body };
}

/** To be sent again: it may be on the server after all, so every index that may have it is looked at. */
export function itemOf({ index, id, document, sampled_at }: Letter): SendItem {
  return { index, id, body: document, atMs: sampled_at, isUnsure: true };
}

/** The letters of a file. What is not one is left out: only a write that failed leaves such a line. */
export async function* readLetters(path: string): AsyncGenerator<Letter> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const letter = parseLetter(line);
    if (letter !== undefined) yield letter;
  }
}

function parseLetter(line: string): Letter | undefined {
  try {
    const checked = letterSchema.safeParse(JSON.parse(line));
    return checked.success ? checked.data : undefined;
  } catch {
    return undefined;
  }
}
