import { hash } from 'node:crypto';
import { z } from 'zod';
import { TunerError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { planJson } from '../plan/plan-json.ts';
import { hostChangedError } from './host-state.ts';
import { movedSince, type PlanBasis } from './plan-basis.ts';
import { withoutVolatileParts } from './preconditions.ts';

const KIND = 'virtune plan' as const;
const facts = z.record(z.string(), z.string());

/** A plan in a file, to be reviewed and then applied unchanged. It holds no XML, since definitions hold passwords. */
const approvedSchema = z.object({
  format: z.literal(1),
  kind: z.literal(KIND),
  id: z.string(),
  at: z.iso.datetime(),
  version: z.string(),
  host: z.object({ uri: z.string(), hostname: z.string() }),
  /** The input of the plan, so that it can be made again. */
  choice: z.object({
    picks: z.array(
      z.object({ uuid: z.string(), name: z.string(), profile: z.string(), version: z.string() }),
    ),
    reservedPages: z.array(z.object({ sizeKiB: z.number(), cell: z.number().nullable(), count: z.number() })),
    hostCpus: z.string().nullable(),
    allowedRatio: z.number().nullable(),
    leftAlone: z.array(z.string()),
    rebalance: z.boolean(),
    restart: z.boolean(),
    withHost: z.boolean(),
    setsKernel: z.boolean(),
    accepted: z.array(z.string()),
  }),
  /** What the plan looked at. */
  basis: z.object({
    host: facts,
    domains: z.record(z.string(), z.object({ name: z.string(), facts })),
  }),
  /** A digest of each planned domain's XML, without passwords, by UUID. */
  definitions: facts,
  /** As `plan --json` prints it. */
  plan: z.unknown(),
  /** sha256 of everything else: detects a truncated or edited file. It is not a signature. */
  digest: z.string(),
});
export type ApprovedPlan = z.infer<typeof approvedSchema>;

export function approvedPlan(
  plan: Plan,
  of: Pick<ApprovedPlan, 'at' | 'version' | 'choice'> & { readonly basis: PlanBasis },
): ApprovedPlan {
  const { uri, hostname } = plan.host;
  const content = {
    format: 1 as const,
    kind: KIND,
    id: plan.id,
    at: of.at,
    version: of.version,
    host: { uri, hostname },
    choice: of.choice,
    basis: JSON.parse(JSON.stringify(of.basis)),
    definitions: definitionsOf(plan),
    plan: JSON.parse(JSON.stringify(planJson(plan))),
  };
  return { ...content, digest: digestOf(content) };
}

/**
 * @throws TunerError TUNE_USAGE for a file that is not a plan; TUNE_CHANGED for one that was edited.
 */
export function parseApprovedPlan(path: string, text: string): ApprovedPlan {
  const value = parseJson(path, text);
  if (!isObject(value) || value['kind'] !== KIND) {
    throw new TunerError(
      'TUNE_USAGE',
      `${path} is JSON, but not a plan file; create one with virtune tune plan -o FILE (the output of --json cannot be applied)`,
    );
  }
  const parsed = approvedSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TunerError(
      'TUNE_USAGE',
      `${path} is a plan file that this version of virtune cannot read: ${issue?.path.join('.')}: ${issue?.message}; it was edited, or created by another version: create it again with virtune tune plan -o FILE`,
    );
  }
  const { digest, ...content } = parsed.data;
  if (digestOf(content) !== digest) {
    throw new TunerError(
      'TUNE_CHANGED',
      `${path} was edited or truncated: its digest does not match; nothing was changed; create it again with virtune tune plan -o FILE`,
    );
  }
  return parsed.data;
}

/** The parser's own message is left out: it quotes the text, including line breaks. */
function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const begins = text.trimStart().slice(0, 1);
    if (begins === '') {
      throw new TunerError(
        'TUNE_USAGE',
        `${path} is empty; create the plan again with virtune tune plan -o FILE`,
      );
    }
    throw new TunerError(
      'TUNE_USAGE',
      begins === '{'
        ? `${path} is not complete JSON: it was truncated or edited; create the plan again with virtune tune plan -o FILE`
        : `${path} is not JSON, so it is not a plan file; check the path, or create a plan with virtune tune plan -o FILE`,
    );
  }
}

/** @throws TunerError TUNE_CHANGED when the connected host is not the host of the plan. */
export function checkHost({ host }: ApprovedPlan, path: string, hostname: string): void {
  if (host.hostname === hostname) return;
  throw new TunerError(
    'TUNE_CHANGED',
    `${path} is a plan for host ${JSON.stringify(host.hostname)}, but this is host ${JSON.stringify(hostname)}; nothing was changed`,
  );
}

/** @throws TunerError TUNE_CHANGED listing what has changed since the plan was made. */
export function checkBasis({ basis }: ApprovedPlan, now: PlanBasis): void {
  const moved = movedSince(basis, now);
  if (moved.length > 0) throw hostChangedError(moved, 'nothing was changed');
}

/**
 * Whether a plan that was made again from the same choice is the same plan.
 * @throws TunerError TUNE_CHANGED listing the first differences.
 */
export function checkSamePlan(approved: ApprovedPlan, plan: Plan): void {
  const definitions = definitionsOf(plan);
  const others = Object.keys({ ...approved.definitions, ...definitions }).filter(
    (uuid) => approved.definitions[uuid] !== definitions[uuid],
  );
  const nameOf = (uuid: string): string =>
    JSON.stringify(plan.domains.find(({ state }) => state.domain.uuid === uuid)?.state.domain.name ?? uuid);
  const moved = [
    ...others.map((uuid) => `domain ${nameOf(uuid)}: its XML has changed`),
    ...differences('the plan', comparable(approved.plan), comparable(planJson(plan))),
  ];
  if (moved.length > 0) throw hostChangedError(moved, 'nothing was changed');
}

function definitionsOf({ domains }: Plan): Record<string, string> {
  return Object.fromEntries(
    domains.map(({ state: { domain, live, inactive } }) => {
      const texts = [live, inactive].map((view) =>
        view === undefined ? '' : withoutVolatileParts(view.xml),
      );
      return [domain.uuid, hash('sha256', JSON.stringify(texts)).slice(0, 32)];
    }),
  );
}

/** Not compared: how the host was reached, how long the search took, and what may show passwords. */
const NOT_COMPARED = new Set(['uri', 'placementProven', 'definitionDiff']);

function comparable(plan: unknown): unknown {
  return JSON.parse(JSON.stringify(plan, (key, value) => (NOT_COMPARED.has(key) ? undefined : value)));
}

/** Each difference between two documents, by its path. */
function differences(path: string, was: unknown, is: unknown): string[] {
  if (isObject(was) && isObject(is)) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    return keys.flatMap((key) => differences(`${path}.${key}`, was[key], is[key]));
  }
  const [before, now] = [JSON.stringify(was) ?? 'nothing', JSON.stringify(is) ?? 'nothing'];
  return before === now ? [] : [`${path}: had ${before}, now ${now}`];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Sorts keys, so that reformatting the file does not change the digest. */
function digestOf(content: unknown): string {
  const sorted = JSON.stringify(content, (_, value: unknown) =>
    isObject(value) && !Array.isArray(value)
      ? Object.fromEntries(
          Object.keys(value)
            .sort()
            .map((key) => [key, value[key]]),
        )
      : value,
  );
  return hash('sha256', sorted);
}
