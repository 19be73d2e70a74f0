import { z } from 'zod';
import { findHostKnob, hostKnobs } from './host-knobs.ts';
import { findKnob, knobs } from './knobs/all.ts';
import type { Entry } from './profile.ts';
import { ValueError } from './values.ts';

/** Also a file name, and printed and stored in many places: allows nothing that needs quoting. */
export const PROFILE_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const profileName = z
  .string()
  .regex(PROFILE_NAME, 'a profile name has lower-case letters, digits and -, at most 63');

const words = (what: string): z.ZodString =>
  z.string(`${what} is missing`).trim().min(1, `${what} is empty`).max(2_000);
const plain = {
  why: words('why: the reason that a plan shows'),
  source: words('source: where the value comes from (a document, a measurement, or "judgement")'),
};

/** The knob itself checks the value, so that errors read the same everywhere. */
function checkedBy(check: (value: unknown) => void): z.ZodType<unknown> {
  return z.unknown().superRefine((value, context) => {
    if (value === undefined) {
      context.addIssue({ code: 'custom', message: 'value is missing' });
      return;
    }
    try {
      check(value);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });
}

const globs = z.array(z.string().min(1)).min(1).optional();

type Issues = z.core.$ZodRawIssue[];

/** Repeats inner issues at an outer path. */
function repeat(to: Issues, from: readonly z.core.$ZodIssue[], at: readonly PropertyKey[]): void {
  for (const issue of from) {
    const key = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
    to.push({
      code: 'custom',
      input: undefined,
      message: issue.message,
      path: [...at, ...issue.path, ...key],
    });
  }
}

/** One entry, or a list of entries for different targets. */
function entriesOf(check: (value: unknown) => void, named: boolean): z.ZodType<readonly Entry[]> {
  const fields = { value: checkedBy(check), ...plain };
  const entry: z.ZodType<Entry> = named ? z.strictObject({ ...fields, on: globs }) : z.strictObject(fields);
  return z.unknown().transform((raw, context): Entry[] => {
    const list: readonly unknown[] = named && Array.isArray(raw) ? raw : [raw];
    return list.flatMap((each, index) => {
      const checked = entry.safeParse(each);
      if (checked.success) return [checked.data];
      repeat(context.issues, checked.error.issues, list === raw ? [index] : []);
      return [];
    });
  });
}

/** `null` leaves a setting unchanged, even if an extended profile sets it. */
function tableOf<V>(
  ids: readonly string[],
  entry: (id: string) => z.ZodType<V>,
  what: string,
): z.ZodType<ReadonlyMap<string, V | null>> {
  const known = new Map(ids.map((id) => [id, entry(id)]));
  return z.record(z.string(), z.unknown()).transform((given, context) => {
    const found = new Map<string, V | null>();
    for (const [id, raw] of Object.entries(given)) {
      const checked = raw === null ? undefined : known.get(id)?.safeParse(raw);
      if (!known.has(id)) {
        context.issues.push({ code: 'custom', input: raw, path: [id], message: unknownKey(id, ids, what) });
      } else if (checked === undefined) found.set(id, null);
      else if (checked.success) found.set(id, checked.data);
      else repeat(context.issues, checked.error.issues, [id]);
    }
    return found;
  });
}

/** Suggests what was probably meant. */
function unknownKey(id: string, ids: readonly string[], what: string): string {
  const near = ids.filter(
    (each) =>
      each.toLowerCase().includes(id.toLowerCase()) ||
      id.toLowerCase().includes(each.toLowerCase()) ||
      distance(each, id) <= 2,
  );
  const hint = near.length === 0 ? 'see docs/profiles.md' : `did you mean ${near.slice(0, 3).join(' or ')}?`;
  return `there is no ${what} ${JSON.stringify(id)}; ${hint}`;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** A profile's file. */
export const profileFile = z.strictObject({
  title: words('title'),
  description: words('description').optional(),
  /** If several, later ones take precedence. */
  extends: z.union([profileName, z.array(profileName).min(1).max(8)]).optional(),
  knobs: tableOf(
    knobs.map(({ id }) => id),
    (id) => entriesOf((value) => findKnob(id)?.check(value), findKnob(id)?.on !== 'domain'),
    'knob',
  ).optional(),
  host: tableOf(
    hostKnobs.map(({ id }) => id),
    (id) => entriesOf((value) => findHostKnob(id)?.check(value), false),
    'host knob',
  ).optional(),
});
export type ProfileFile = z.output<typeof profileFile>;
