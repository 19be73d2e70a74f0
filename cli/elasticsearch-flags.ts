import { type Command, InvalidArgumentError, Option } from 'commander';
import { NAMESPACE } from '../exporter/documents/streams.ts';
import type { ElasticsearchOptions, OptionName } from '../exporter/elasticsearch/settings.ts';
import { INTERVAL_RANGE } from '../exporter/sink-options.ts';
import { durationOption } from './duration-option.ts';
import { addressOf, sizeOf, withFlags } from './sink-flags.ts';

/** As commander gives them; each key is an option's name. */
export interface ServerFlags {
  readonly elasticsearch?: readonly string[];
  readonly 'elasticsearch.cloudId'?: string;
  readonly 'elasticsearch.apiKeyFile'?: string;
  readonly 'elasticsearch.username'?: string;
  readonly 'elasticsearch.passwordFile'?: string;
  readonly 'elasticsearch.caFile'?: string;
}

export interface SinkFlags extends ServerFlags {
  readonly 'elasticsearch.interval'?: number;
  readonly 'elasticsearch.namespace'?: string;
  readonly 'elasticsearch.queueDir'?: string;
  readonly 'elasticsearch.queueSize'?: number;
  readonly metricbeatCompat?: boolean;
}

/** How to reach the server; for every subcommand that talks to it. */
export function addServerFlags(command: Command): Command {
  return command
    .option(
      '--elasticsearch <url...>',
      'Elasticsearch or OpenSearch to send to; one or more nodes of one cluster',
      nodes,
    )
    .option('--elasticsearch.cloud-id <id>', 'Elastic Cloud ID, instead of an address')
    .option('--elasticsearch.api-key-file <file>', 'file whose first line is an encoded API key')
    .option('--elasticsearch.username <name>', 'user name for basic authentication')
    .option('--elasticsearch.password-file <file>', 'file whose first line is the password')
    .option('--elasticsearch.ca-file <file>', "CA certificate to verify the server's certificate");
}

/** What to send, the sampling interval, and the queue. Further options are in the configuration file only. */
export function addSinkFlags(command: Command): Command {
  return addServerFlags(command)
    .addOption(durationOption('--elasticsearch.interval', 'sampling interval (default: 10s)', INTERVAL_RANGE))
    .option(
      '--elasticsearch.namespace <name>',
      'namespace of the data streams (default: default)',
      namespaceOf,
    )
    .option(
      '--elasticsearch.queue-dir <dir>',
      'folder of the document queue (default: /var/lib/virtune/elasticsearch)',
    )
    .addOption(
      new Option(
        '--elasticsearch.queue-size <size>',
        'queue size before the oldest documents are dropped (default: 2GiB)',
      ).argParser(sizeOf),
    )
    .option('--metricbeat-compat', "also send the documents of Metricbeat's kvm module");
}

/** The flag of each option that has one. */
const FLAGS = {
  nodes: '--elasticsearch',
  cloud_id: '--elasticsearch.cloud-id',
  api_key_file: '--elasticsearch.api-key-file',
  username: '--elasticsearch.username',
  password_file: '--elasticsearch.password-file',
  ca_file: '--elasticsearch.ca-file',
  interval: '--elasticsearch.interval',
  namespace: '--elasticsearch.namespace',
  queue_dir: '--elasticsearch.queue-dir',
  queue_size: '--elasticsearch.queue-size',
  metricbeat_compat: '--metricbeat-compat',
} as const satisfies Partial<Record<OptionName, string>>;

/** Merges the file's options with the flags, which take precedence; undefined when neither names a destination. */
export function elasticsearchOptions(
  flags: SinkFlags,
  file?: ElasticsearchOptions | undefined,
): ElasticsearchOptions | undefined {
  return withFlags(file, FLAGS, {
    nodes: flags.elasticsearch === undefined ? undefined : [...flags.elasticsearch],
    cloud_id: flags['elasticsearch.cloudId'],
    api_key_file: flags['elasticsearch.apiKeyFile'],
    username: flags['elasticsearch.username'],
    password_file: flags['elasticsearch.passwordFile'],
    ca_file: flags['elasticsearch.caFile'],
    interval: flags['elasticsearch.interval'],
    namespace: flags['elasticsearch.namespace'],
    queue_dir: flags['elasticsearch.queueDir'],
    queue_size: flags['elasticsearch.queueSize'],
    metricbeat_compat: flags.metricbeatCompat,
  });
}

/** Commander passes one address at a time, with those collected so far. */
function nodes(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), addressOf('--elasticsearch', text)];
}

export function namespaceOf(text: string): string {
  if (!NAMESPACE.test(text))
    throw new InvalidArgumentError('Expected lower-case letters, digits, _ and . only.');
  return text;
}
