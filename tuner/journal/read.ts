import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { TunerError } from '../errors.ts';
import { cannot } from './folder.ts';
import {
  eventSchema,
  headerSchema,
  JOURNAL_FORMAT,
  type JournalEvent,
  type JournalHeader,
} from './records.ts';

export interface ReadJournal {
  readonly header: JournalHeader;
  readonly events: JournalEvent[];
  /** Bytes of the complete lines: what comes after them was torn by a crash. */
  readonly length: number;
}

/** @throws TunerError TUNE_JOURNAL naming the damaged line. */
export async function readJournal(path: string): Promise<ReadJournal> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw cannot(`the journal ${path} cannot be read`, error, 'virtune tune history lists all transactions');
  }
  return parseJournal(path, bytes);
}

/**
 * An incomplete last line is left by a crash, and counts as not written. So does a complete one that cannot be parsed:
 * blocks may reach the disk in another order than they were written in.
 */
export function parseJournal(path: string, bytes: Buffer): ReadJournal {
  const lines: { readonly text: string; readonly end: number }[] = [];
  for (let from = 0; ; ) {
    const end = bytes.indexOf('\n', from);
    if (end < 0) break;
    lines.push({ text: bytes.toString('utf8', from, end), end: end + 1 });
    from = end + 1;
  }
  const [first, ...rest] = lines;
  if (first === undefined) throw damaged(path, 1, 'its first line is incomplete');
  const header = readHeader(path, first.text);
  const events: JournalEvent[] = [];
  let length = first.end;
  let steps = header.steps.length;
  for (const [index, { text, end }] of rest.entries()) {
    const event = parseLine(eventSchema, text);
    if (typeof event === 'string') {
      if (index === rest.length - 1 && bytes.length === end) break;
      throw damaged(path, index + 2, event);
    }
    if (event.event === 'rollback') steps += event.restarts.length;
    const { step } = event as { readonly step?: number };
    if (step !== undefined && step >= steps)
      throw damaged(path, index + 2, `it refers to step ${step + 1}, but the last step is ${steps}`);
    events.push(event);
    length = end;
  }
  return { header, events, length };
}

function readHeader(path: string, text: string): JournalHeader {
  const header = parseLine(headerSchema, text);
  if (typeof header !== 'string') return header;
  const format = /^\{"format":(\d+),/.exec(text)?.[1];
  if (format !== undefined && Number(format) > JOURNAL_FORMAT) {
    throw new TunerError(
      'TUNE_JOURNAL',
      `the journal ${path} has format ${format}, but this version of virtune reads formats up to ${JOURNAL_FORMAT}; use the version that wrote it`,
    );
  }
  throw damaged(path, 1, header);
}

/** The parsed value, or what is wrong with the line. */
function parseLine<T>(schema: z.ZodType<T>, text: string): T | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`;
}

function damaged(path: string, line: number, why: string): TunerError {
  return new TunerError(
    'TUNE_JOURNAL',
    `the journal ${path} is damaged in line ${line}: ${why}; inspect it, fix the domains manually, then move the journal out of the folder`,
  );
}
