import { z } from 'zod';
import { CpuSet } from '../../model/cpu-set.ts';
import { parseSize } from '../settings/values.ts';
import { profileName } from './schema.ts';

const glob = z.string().min(1).max(1_000);
const globs = z.union([glob, z.array(glob).min(1)]);

const cpuList = z.string().transform((text, context) => {
  try {
    return CpuSet.parse(text);
  } catch (error) {
    context.issues.push({ code: 'custom', input: text, message: (error as Error).message });
    return CpuSet.empty;
  }
});

/** Page counts by size, or by size and cell: `{ 2 MiB: 512 }`, `{ 1 GiB: { 0: 2, 1: 0 } }`. */
const pageCount = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32);
const hugepages = z
  .record(
    z.string(),
    z.union([
      pageCount,
      z.record(z.string().regex(/^\d{1,4}$/, 'a cell must be a number; write for example 0'), pageCount),
    ]),
  )
  .superRefine((given, context) => {
    for (const size of Object.keys(given)) {
      if (parseSize(size) === undefined) {
        context.addIssue({
          code: 'custom',
          path: [size],
          message: `${JSON.stringify(size)} is not a page size; write for example "2 MiB"`,
        });
      }
    }
  });

const match = z
  .strictObject({
    /** null: the domain is not tuned. */
    profile: profileName.nullable(),
    domain: globs.optional(),
    title: globs.optional(),
    nova: z.strictObject({ flavor: globs.optional(), project: globs.optional() }).optional(),
    labels: z.record(z.string(), globs).optional(),
  })
  .refine(
    ({ domain, title, nova, labels }) =>
      [domain, title, nova?.flavor, nova?.project, ...Object.values(labels ?? {})].some(
        (each) => each !== undefined,
      ),
    {
      message: 'selects no domain; to select all, write domain: "*"',
    },
  );

/** An assignments file. */
export const assignmentsFile = z.strictObject({
  host: z
    .strictObject({
      reservedCpus: cpuList.optional(),
      reservedHugepages: hugepages.optional(),
      allowRatio: z.number().min(1).max(1_000).optional(),
    })
    .optional(),
  metadata: z
    .strictObject({
      namespaces: z.record(z.string(), z.string()).optional(),
      labels: z.record(z.string(), z.string().min(1)),
    })
    .optional(),
  assign: z.array(match).min(1),
});
export type Match = z.output<typeof match>;

export type AssignmentsFile = z.output<typeof assignmentsFile>;
export type HugepageCounts = z.output<typeof hugepages>;
