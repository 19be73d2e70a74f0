import { z } from 'zod';
import { TunerError } from '../errors.ts';
import type { TransactionRecord } from '../journal/list.ts';

const arm = z.enum(['on', 'off']);
/** JSON has null for an infinite limit, and for what could not be computed. */
const limit = z.number().nullable();

const figure = z.object({
  name: z.string(),
  blocks: z.array(z.number().nullable()),
  effect: z.object({ scale: z.string(), effect: limit, low: limit, high: limit }).optional(),
  judgement: z.object({ verdict: z.string() }),
});
export type ReportFigure = z.infer<typeof figure>;

/** The parts of a journalled report that a page needs. */
const report = z.object({
  format: z.literal(1),
  startedAt: z.string(),
  baselineMs: z.number(),
  margin: z.number(),
  seed: z.number(),
  /** Absent: settings were switched while the VM ran. */
  kind: z.literal('restarts').optional(),
  design: z.union([
    z.object({ pairs: z.number(), blockMs: z.number(), settleMs: z.number() }),
    z.object({ restarts: z.number(), blockMs: z.number(), settleMs: z.number() }),
  ]),
  blocks: z.array(
    z.object({ pair: z.number(), arm, startMs: z.number(), measureMs: z.number(), endMs: z.number() }),
  ),
  text: z.array(z.string()),
  primary: figure,
  secondary: z.array(figure),
  others: z.array(z.object({ name: z.string(), blocks: z.array(z.number().nullable()) })),
});
export type JournalReport = z.infer<typeof report>;

/** Undefined if a journal has none, or one of another version. */
export function reportIn(measured: unknown): JournalReport | undefined {
  return report.safeParse(measured).data;
}

/** @throws TunerError TUNE_USAGE for a transaction that was not measured, or whose report another version wrote. */
export function readReport({ id, progress }: Pick<TransactionRecord, 'id' | 'progress'>): JournalReport {
  if (progress.measured === undefined || progress.measured === null) {
    throw new TunerError(
      'TUNE_USAGE',
      `transaction ${id} was not measured; virtune tune history shows which ones were; to measure a change, apply it with --measure`,
    );
  }
  const found = reportIn(progress.measured);
  if (found !== undefined) return found;
  throw new TunerError(
    'TUNE_USAGE',
    `the report of transaction ${id} was written by another version of virtune, and this one cannot draw it; virtune tune show prints it`,
  );
}
