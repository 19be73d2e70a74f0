import { createHash } from 'node:crypto';
import { fieldsOf } from '../../documents/fields.ts';
import { COMPAT_FIELDS } from '../../documents/metricbeat.ts';
import {
  COMPAT_STREAMS,
  type CompatStreamName,
  STREAM_NAMES,
  STREAMS,
  type StreamName,
} from '../../documents/streams.ts';
import { isAtLeast, type SearchServer } from '../server.ts';
import { dataStreamLifecycle, type Lifecycle, POLICY } from './lifecycle.ts';
import { type Mapping, mappingOf } from './mappings.ts';

/** Increment when the output of `setup` changes; an exporter warns if the server has an older version. */
export const TEMPLATES_VERSION = 2;

/** Above the built-in templates of both servers for `metrics-*-*`, which are at 100 to 200. */
export const PRIORITY = 300;
/**
 * `index.look_ahead_time`: how far a time series index reaches ahead of the server's clock, and so how long a server
 * may be down and accept everything immediately afterwards. The default is 30 minutes in Elasticsearch 8 and 9 minutes
 * in the newest 9.x; more than 2 hours has no effect (DataStreamsPlugin.getLookAheadTime).
 */
export const LOOK_AHEAD = '2h';
/** For the user's own settings: replicas, shards, tiers. Never created by virtune. */
const CUSTOM = 'metrics-kvm@custom';

export interface TemplateOptions {
  readonly lifecycle: Lifecycle;
  readonly metricbeatCompat: boolean;
}

export interface Template {
  readonly name: string;
  readonly stream: StreamName | CompatStreamName;
  readonly mapping: Mapping;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One index template for each data stream. */
export function templatesFor(server: SearchServer, options: TemplateOptions): Template[] {
  const own = STREAM_NAMES.map((stream) =>
    template(server, options, stream, mappingOf(fieldsOf(stream), server), STREAMS[stream].help),
  );
  if (!options.metricbeatCompat) return own;
  return [
    ...own,
    ...COMPAT_STREAMS.map((stream) =>
      template(
        server,
        options,
        stream,
        mappingOf(COMPAT_FIELDS[stream], server),
        `${stream} of each VM, as Metricbeat's kvm module has it`,
      ),
    ),
  ];
}

function template(
  server: SearchServer,
  { lifecycle }: TemplateOptions,
  stream: StreamName | CompatStreamName,
  mapping: Mapping,
  about: string,
): Template {
  const isCompat = (COMPAT_STREAMS as readonly string[]).includes(stream);
  const body = {
    index_patterns: [`metrics-kvm.${stream}-*`],
    data_stream: {},
    priority: PRIORITY,
    version: TEMPLATES_VERSION,
    ...(server.kind === 'elasticsearch'
      ? { composed_of: [CUSTOM], ignore_missing_component_templates: [CUSTOM] }
      : {}),
    template: {
      settings: settingsFor(server, lifecycle),
      mappings: mapping,
      // For data views made for Metricbeat (`metricbeat-*`).
      ...(isCompat && server.kind === 'elasticsearch' ? { aliases: { 'metricbeat-virtune-kvm': {} } } : {}),
      ...(lifecycle.kind === 'stream' ? { lifecycle: dataStreamLifecycle(lifecycle) } : {}),
      // A failure store answers 201 for what it stored: virtune could neither retry documents that are too early nor
      // report why.
      ...(hasFailureStore(server) ? { data_stream_options: { failure_store: { enabled: false } } } : {}),
    },
  };
  return {
    name: `metrics-kvm.${stream}`,
    stream,
    mapping,
    body: {
      ...body,
      _meta: { managed_by: 'virtune', description: `virtune: ${about}`, fingerprint: fingerprintOf(body) },
    },
  };
}

/** Data stream options were added in 8.19 and 9.1; 9.0 rejects a template that has them. */
function hasFailureStore(server: SearchServer): boolean {
  if (server.kind !== 'elasticsearch') return false;
  return server.version?.major === 8 && !server.serverless
    ? isAtLeast(server, 8, 19)
    : isAtLeast(server, 9, 1);
}

function settingsFor({ kind }: SearchServer, lifecycle: Lifecycle): Record<string, unknown> {
  if (kind === 'opensearch') return { index: { codec: 'best_compression' } };
  return {
    index: {
      mode: 'time_series',
      // Queued documents up to this age are accepted; 7 days is the maximum.
      look_back_time: '7d',
      look_ahead_time: LOOK_AHEAD,
      ...(lifecycle.kind === 'ilm' ? { lifecycle: { name: POLICY } } : {}),
    },
  };
}

/** Hash of the content, by which `setup` detects changes. */
export function fingerprintOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}
