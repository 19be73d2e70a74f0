import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** Up to where all documents are settled, and which later ones are already counted as lost. */
export interface Position {
  /** The segment, by its first document, and the offset in it. */
  readonly segment: number;
  readonly offset: number;
  /** All documents before this one are settled. */
  readonly document: number;
  /** Later ranges that were dropped, half-open and in order. */
  readonly dropped: readonly (readonly [number, number])[];
  /** One past the last document number assigned when this was written. */
  readonly end?: number | undefined;
}

const whole = z.number().int().nonnegative();
const schema = z.object({
  segment: whole,
  offset: whole,
  document: whole,
  dropped: z.array(z.tuple([whole, whole])),
  end: whole.optional(),
});

/** Undefined if it cannot be read: then the whole queue is sent again, and the server detects the duplicates. */
export async function readPosition(dir: string): Promise<Position | undefined> {
  try {
    const checked = schema.safeParse(JSON.parse(await readFile(join(dir, 'position'), 'utf8')));
    return checked.success ? checked.data : undefined;
  } catch {
    return undefined;
  }
}

/** Rejects if the disk fails; the old position then stays intact. */
export async function writePosition(dir: string, position: Position): Promise<void> {
  const temporary = join(dir, 'position.new');
  await writeFile(temporary, JSON.stringify(position), { mode: 0o600 });
  await rename(temporary, join(dir, 'position'));
}

/** How many of the documents from `from` up to but excluding `to` are in none of the ranges. */
export function countNotIn(ranges: Position['dropped'], from: number, to: number): number {
  let count = to - from;
  for (const [start, end] of ranges) count -= Math.max(0, Math.min(end, to) - Math.max(start, from));
  return Math.max(0, count);
}

/**
 * Adds a range and merges those that touch. It may come before existing ones: what memory dropped while the disk failed
 * is newer than what a full queue drops.
 */
export function withRange(ranges: Position['dropped'], from: number, to: number): Position['dropped'] {
  const joined: [number, number][] = [];
  const sorted = [...ranges, [from, to] as const].sort(([one], [other]) => one - other);
  for (const [start, end] of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && last[1] >= start) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}
