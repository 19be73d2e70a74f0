import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** How far everything is settled, and what after it is lost and counted as such. */
export interface Position {
  /** The segment, by its first document, and the place in it. */
  readonly segment: number;
  readonly offset: number;
  /** All documents before this one are settled. */
  readonly document: number;
  /** Ranges after it that were dropped, first and one past the last, in order. */
  readonly dropped: readonly (readonly [number, number])[];
  /** Documents had numbers up to this one when it was written. */
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

/** Undefined where none can be read: then everything in the queue is sent again, and the server finds the duplicates. */
export async function readPosition(dir: string): Promise<Position | undefined> {
  try {
    const checked = schema.safeParse(JSON.parse(await readFile(join(dir, 'position'), 'utf8')));
    return checked.success ? checked.data : undefined;
  } catch {
    return undefined;
  }
}

/** Rejects where the disk does not take it; the old one is whole then. */
export async function writePosition(dir: string, position: Position): Promise<void> {
  const temporary = join(dir, 'position.new');
  await writeFile(temporary, JSON.stringify(position), { mode: 0o600 });
  await rename(temporary, join(dir, 'position'));
}

/** How many of the documents from `from` to before `to` are in none of the ranges. */
export function notIn(ranges: Position['dropped'], from: number, to: number): number {
  let count = to - from;
  for (const [start, end] of ranges) count -= Math.max(0, Math.min(end, to) - Math.max(start, from));
  return Math.max(0, count);
}

/**
 * The ranges and one more, joined where they touch. It may be before others: what memory had to give up while the disk failed is
 * newer than what the queue drops when it is full.
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
