import { ConfigError } from '../../../model/config-error.ts';
import { formatSeconds } from '../../../model/duration.ts';
import { firstTemplate } from '../answer.ts';
import type { SearchClient } from '../client.ts';
import { SearchError } from '../search-error.ts';
import { isAtLeast, nameOf, recognise, type SearchServer } from '../server.ts';
import { streamSteps } from './existing-streams.ts';
import { type Ages, type Lifecycle, lifecycleFor } from './lifecycle.ts';
import { findMisfits } from './outranked.ts';
import { policySteps } from './policies.ts';
import { denied, metaOf, put, type Step } from './steps.ts';
import { type Template, templatesFor } from './templates.ts';

const DAY_SECONDS = 86_400;

export interface SetupOptions extends Ages {
  /** Absent: what suits the server. */
  readonly lifecycle?: Lifecycle['kind'] | undefined;
  readonly metricbeatCompat: boolean;
  /** Of the data streams to be created; default: `default`. */
  readonly namespace?: string | undefined;
  /** Maximum age of documents in the exporter's queue, if known. */
  readonly queueMaxAgeSeconds?: number | undefined;
}

export interface SetupPlan {
  readonly server: SearchServer;
  readonly steps: readonly Step[];
  /** Hints for the user about these settings. */
  readonly notes: readonly string[];
}

/**
 * Determines what has to change on the server so that documents get the right streams. Changes nothing. Idempotent:
 * once applied, the next plan is empty.
 * @throws ConfigError when documents would be deleted before they are downsampled
 * @throws SearchError
 */
export async function planSetup(client: SearchClient, options: SetupOptions): Promise<SetupPlan> {
  const server = await recognise(client);
  const lifecycle = lifecycleFor(server, options.lifecycle, options);
  checkLifecycle(server, lifecycle);
  checkAges(lifecycle);
  const templates = templatesFor(server, { lifecycle, metricbeatCompat: options.metricbeatCompat });
  const namespace = options.namespace ?? 'default';
  // Check this first: streams that get another template would be rolled over by each run, and never be right.
  const misfits = await findMisfits(
    client,
    server,
    templates.map((template) => [`${template.name}-${namespace}`, template]),
  );
  for (const misfit of misfits) if (misfit.kind !== 'missing') throw misfit.error;
  const steps = [...(await policySteps(client, lifecycle))];
  for (const template of templates) steps.push(await templateStep(client, template));
  for (const template of templates) steps.push(...(await streamSteps(client, server, template)));
  return { server, steps, notes: notesOn(lifecycle, options.queueMaxAgeSeconds) };
}

/** Applies the steps in order; stops at the first failure, and what was done stays. */
export async function applySetup({ steps }: SetupPlan, onApplied: (step: Step) => void): Promise<void> {
  for (const step of steps) {
    await step.apply?.();
    onApplied(step);
  }
}

function checkLifecycle(server: SearchServer, { kind }: Lifecycle): void {
  const { node } = server;
  const fits =
    kind === 'none' ||
    (server.kind === 'opensearch'
      ? kind === 'ism'
      : kind === 'stream'
        ? server.serverless || isAtLeast(server, 8, 14)
        : kind === 'ilm' && !server.serverless);
  if (fits) return;
  throw new SearchError(
    'SEARCH_UNSUPPORTED',
    node,
    `${nameOf(server)} does not support lifecycle "${kind}"; omit --lifecycle or choose another`,
  );
}

function checkAges(lifecycle: Lifecycle): void {
  // OpenSearch does not downsample.
  if (lifecycle.kind !== 'stream' && lifecycle.kind !== 'ilm') return;
  const { retentionDays, downsampleAfterDays } = lifecycle;
  if (downsampleAfterDays > retentionDays) {
    throw new ConfigError(
      `documents would be deleted after ${retentionDays} days, before they are downsampled after ${downsampleAfterDays}; set a longer --retention, or --downsample-after 0 for no downsampling`,
    );
  }
}

/** Warns if documents may be queued for longer than their index accepts them. */
function notesOn(lifecycle: Lifecycle, queueMaxAgeSeconds = 0): string[] {
  if (lifecycle.kind !== 'stream' && lifecycle.kind !== 'ilm') return [];
  const { downsampleAfterDays: days } = lifecycle;
  if (days === 0 || days * DAY_SECONDS >= queueMaxAgeSeconds) return [];
  const after = formatSeconds(days * DAY_SECONDS);
  return [
    `an index is read-only once it is downsampled, ${after} after its rollover, but the queue keeps documents for ${formatSeconds(queueMaxAgeSeconds)}: those that an outage delays for longer become dead letters; set a longer --downsample-after to avoid that`,
  ];
}

async function templateStep(client: SearchClient, { name, body }: Template): Promise<Step> {
  const path = `/_index_template/${encodeURIComponent(name)}`;
  const answer = await client.request({ method: 'GET', path });
  if (answer.status !== 200 && answer.status !== 404) throw denied(`for the template ${name}`, answer);
  const known = answer.status === 200 ? firstTemplate(answer.body) : undefined;
  const what = `index template ${name}`;
  if (known !== undefined && metaOf(known)?.['fingerprint'] === metaOf(body)?.['fingerprint']) {
    return { what, change: 'none' };
  }
  if (known !== undefined && metaOf(known)?.['managed_by'] !== 'virtune') {
    throw new SearchError(
      'SEARCH_REFUSED',
      answer.node,
      `template ${name} exists but was not created by virtune; remove or rename it first`,
    );
  }
  return {
    what,
    change: known === undefined ? 'create' : 'update',
    apply: () => put(client, path, body, what),
  };
}
