import { z } from 'zod';
import { stepSchema } from '../steps/step-schema.ts';

/** Incremented when earlier versions cannot understand what is written now. */
export const JOURNAL_FORMAT = 1;

const at = z.iso.datetime();
const step = z.int().nonnegative();
/** State of a live setting, which validates it when it is used. */
const state = z.unknown();
/** The report of the experiment that decided, which its reader validates. */
const measured = z.unknown();

const stepDomain = z.object({ uuid: z.string(), name: z.string() });

/** The first line of a journal: all planned steps, and the complete previous state. */
export const headerSchema = z.object({
  format: z.literal(JOURNAL_FORMAT),
  id: z.string(),
  at,
  /** Version of virtune. */
  version: z.string(),
  /** As it was typed. */
  command: z.string(),
  /** `restore`: `watch` has restored settings of an earlier transaction; absent: a requested change. */
  kind: z.literal('restore').optional(),
  uri: z.string(),
  hostname: z.string(),
  /** The kernel's boot id, if virtune runs on the host: what is kept in memory ends with a boot. */
  bootId: z.string().optional(),
  domains: z.array(
    z.object({
      domain: stepDomain,
      profile: z.string().optional(),
      /** Both XML descriptions as they were, with secrets. */
      live: z.string().optional(),
      inactive: z.string().optional(),
    }),
  ),
  steps: z.array(stepSchema),
  /**
   * Invariants that the host's domains violated before it: a rollback may restore that. Journals of earlier builds have
   * texts under `broken` instead, which are ignored.
   */
  violations: z
    .array(
      z.object({
        uuid: z.string(),
        view: z.enum(['live', 'inactive']),
        code: z.string(),
        other: z.string().optional(),
        cpus: z.string().optional(),
        text: z.string().optional(),
      }),
    )
    .optional(),
  /** CPUs that its plan reserved for the host; absent: the default. */
  hostCpus: z.string().optional(),
  /** Notes to print when it is done. */
  notes: z.array(z.string()),
});

/** Each further line: what is about to happen, or has happened. */
export const eventSchema = z.discriminatedUnion('event', [
  /** Its live setting had the wanted value already. */
  z.object({ event: z.literal('same'), at, step }),
  /** About to be set. `run`: the domain's id, which ends with the run. */
  z.object({ event: z.literal('doing'), at, step, was: state, run: z.number().optional() }),
  /** Set and read back. */
  z.object({ event: z.literal('done'), at, step, now: state, proof: z.array(z.string()) }),
  /** Why everything is undone; without a step if it was not a step that failed. `now`: what was read back instead. */
  z.object({
    event: z.literal('failed'),
    at,
    step: step.optional(),
    code: z.string(),
    message: z.string(),
    now: state.optional(),
    measured: measured.optional(),
  }),
  /** Another process took over the transaction. */
  z.object({
    event: z.literal('recover'),
    at,
    pid: z.number(),
    command: z.string(),
    how: z.enum(['undo', 'finish']),
  }),
  /** A committed transaction is rolled back. `restarts`: steps added after its own. */
  z.object({
    event: z.literal('rollback'),
    at,
    pid: z.number(),
    command: z.string(),
    restarts: z.array(stepSchema),
  }),
  /** About to be restored to `to`. */
  z.object({ event: z.literal('undoing'), at, step, to: state }),
  /** Restored; `note`: why there was nothing to restore, or why it was left. */
  z.object({ event: z.literal('undone'), at, step, note: z.string().optional() }),
  /** Could not be undone. */
  z.object({ event: z.literal('remains'), at, step, code: z.string(), message: z.string() }),
  z.object({ event: z.literal('committed'), at, measured: measured.optional() }),
  z.object({ event: z.literal('rolledBack'), at }),
]);

export type JournalHeader = z.infer<typeof headerSchema>;
export type JournalEvent = z.infer<typeof eventSchema>;
/** An event without its time. */
export type NewEvent = JournalEvent extends infer E
  ? E extends JournalEvent
    ? Omit<E, 'at'>
    : never
  : never;
