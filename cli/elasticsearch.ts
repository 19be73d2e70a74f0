import { Command, InvalidArgumentError, Option } from 'commander';
import { readConfig } from '../exporter/config/config.ts';
import { openClient, stoppedError } from '../exporter/elasticsearch/client.ts';
import { savedObjects } from '../exporter/elasticsearch/kibana/saved-objects.ts';
import { nameOf } from '../exporter/elasticsearch/server.ts';
import { queueMaxAgeSeconds, serverSettings } from '../exporter/elasticsearch/settings.ts';
import type { Lifecycle } from '../exporter/elasticsearch/setup/lifecycle.ts';
import { applySetup, planSetup } from '../exporter/elasticsearch/setup/setup.ts';
import type { Step } from '../exporter/elasticsearch/setup/steps.ts';
import { deadLettersCommand } from './dead-letters.ts';
import {
  addServerFlags,
  elasticsearchOptions,
  namespaceOf,
  type ServerFlags,
} from './elasticsearch-flags.ts';
import { printLine } from './print-line.ts';
import { stopSignal } from './signals.ts';
import { readVersion } from './version.ts';

interface SetupFlags extends ServerFlags {
  readonly 'config.file'?: string;
  readonly dryRun?: boolean;
  readonly lifecycle?: Lifecycle['kind'];
  readonly retention: number;
  readonly downsampleAfter: number;
  readonly metricbeatCompat?: boolean;
}

export function elasticsearchCommand(): Command {
  return new Command('elasticsearch')
    .description('set up Elasticsearch or OpenSearch for the exporter, and handle documents that it rejected')
    .addCommand(setupCommand())
    .addCommand(kibanaCommand())
    .addCommand(deadLettersCommand());
}

function kibanaCommand(): Command {
  return new Command('kibana')
    .description('print a data view and dashboards to import into Kibana or OpenSearch Dashboards')
    .option('--elasticsearch.namespace <name>', 'only for this namespace (default: all)', namespaceOf)
    .action((flags: { readonly 'elasticsearch.namespace'?: string }) => {
      process.stdout.write(savedObjects(flags['elasticsearch.namespace']));
    });
}

function setupCommand(): Command {
  return addServerFlags(new Command('setup'))
    .description('create or update index templates and lifecycle; idempotent')
    .option('--config.file <file>', "the exporter's YAML file, for its elasticsearch section")
    .option('--dry-run', 'print the changes without making them')
    .addOption(
      new Option(
        '--lifecycle <kind>',
        'stream: Elasticsearch data stream lifecycle; ilm: Elasticsearch ILM policies; ism: OpenSearch policies; none (default: by server)',
      ).choices(['stream', 'ilm', 'ism', 'none']),
    )
    .option('--retention <days>', 'delete documents after this many days', retentionDays, 90)
    .option(
      '--downsample-after <days>',
      'downsample to one document per 5 minutes after this many days; 0: never; Elasticsearch only',
      days,
      7,
    )
    .option('--metricbeat-compat', "also create templates for documents of Metricbeat's kvm module")
    .action(async (flags: SetupFlags) => {
      const file =
        flags['config.file'] === undefined
          ? undefined
          : (await readConfig(flags['config.file'])).elasticsearch;
      const options = elasticsearchOptions(flags, file) ?? {};
      const settings = await serverSettings(options);
      const stop = stopSignal();
      const client = await openClient(settings, readVersion(), stop);
      let isChanging = false;
      try {
        const plan = await planSetup(client, {
          lifecycle: flags.lifecycle,
          retentionDays: flags.retention,
          downsampleAfterDays: flags.downsampleAfter,
          metricbeatCompat: options.metricbeat_compat ?? false,
          namespace: options.namespace,
          queueMaxAgeSeconds: queueMaxAgeSeconds(options),
        });
        printLine(`${nameOf(plan.server)} at ${plan.server.node}:`);
        for (const note of plan.notes) printLine(`  note: ${note}`);
        if (flags.dryRun === true) for (const step of plan.steps) printLine(describe(step, 'would '));
        else {
          isChanging = true;
          await applySetup(plan, (step) => printLine(describe(step, '')));
        }
        const changes = plan.steps.filter(({ apply }) => apply !== undefined).length;
        const done = flags.dryRun === true ? 'to change; nothing was changed (dry run)' : 'changed';
        printLine(changes === 0 ? 'nothing to change' : `${changes} ${done}`);
      } catch (error) {
        if (!stop.aborted) throw error;
        const done = isChanging
          ? 'the listed changes were made, and possibly the next one'
          : 'nothing was changed';
        throw stoppedError(settings, stop, `${done}; run setup again`);
      } finally {
        await client.close();
      }
    });
}

const WORDS: Readonly<Record<Step['change'], readonly [would: string, did: string]>> = {
  none: ['keep', 'unchanged'],
  create: ['create', 'created'],
  update: ['update', 'updated'],
  'roll over': ['roll over', 'rolled over'],
  skip: ['skip', 'skipped'],
};

function describe({ what, change, why }: Step, would: string): string {
  const [infinitive, did] = WORDS[change];
  return `  ${would === '' ? did : would + infinitive} ${what}${why === undefined ? '' : ` (${why})`}`;
}

/** At 0 each index would be deleted as soon as it is rolled over. */
function retentionDays(text: string): number {
  const count = days(text);
  if (count > 0) return count;
  throw new InvalidArgumentError(
    'Expected a whole number of days, at least 1; --lifecycle none keeps documents.',
  );
}

function days(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > 36_500) {
    throw new InvalidArgumentError('Expected a whole number of days.');
  }
  return count;
}
