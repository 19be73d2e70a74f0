import { isAtLeast, type SearchServer } from '../server.ts';

/** The policy's name, on both servers. */
export const POLICY = 'metrics-kvm';

/** How documents age. */
export type Lifecycle =
  /** Elasticsearch's data stream lifecycle: part of the template, nothing else to look after. */
  | ({ readonly kind: 'stream' } & Ages)
  /** Elasticsearch's index lifecycle management: tiers. */
  | ({ readonly kind: 'ilm' } & Ages)
  /** OpenSearch's index state management. It has no downsampling of data streams. */
  | ({ readonly kind: 'ism' } & Ages)
  /** The operator of the server manages it. */
  | { readonly kind: 'none' };

export interface Ages {
  readonly retentionDays: number;
  /** Age after which one document per 5 minutes is left; 0 for never. */
  readonly downsampleAfterDays: number;
}

const DOWNSAMPLED_TO = '5m';
const ROLLOVER = { age: '1d', size: '50gb' } as const;

/** The default kind for a server, unless the user chose one. */
export function lifecycleFor(
  server: SearchServer,
  asked: Lifecycle['kind'] | undefined,
  ages: Ages,
): Lifecycle {
  const usual =
    server.kind === 'opensearch' ? 'ism' : server.serverless || isAtLeast(server, 8, 14) ? 'stream' : 'ilm';
  const kind = asked ?? usual;
  return kind === 'none' ? { kind } : { kind, ...ages };
}

/** https://www.elastic.co/docs/manage-data/lifecycle/data-stream */
export function dataStreamLifecycle({ retentionDays, downsampleAfterDays }: Ages): Record<string, unknown> {
  return {
    data_retention: `${retentionDays}d`,
    ...(downsampleAfterDays > 0
      ? { downsampling: [{ after: `${downsampleAfterDays}d`, fixed_interval: DOWNSAMPLED_TO }] }
      : {}),
  };
}

/** https://www.elastic.co/docs/manage-data/lifecycle/index-lifecycle-management */
export function ilmPolicy({ retentionDays, downsampleAfterDays }: Ages): Record<string, unknown> {
  return {
    phases: {
      hot: {
        min_age: '0ms',
        actions: { rollover: { max_age: ROLLOVER.age, max_primary_shard_size: ROLLOVER.size } },
      },
      ...(downsampleAfterDays > 0
        ? {
            warm: {
              min_age: `${downsampleAfterDays}d`,
              actions: { downsample: { fixed_interval: DOWNSAMPLED_TO } },
            },
          }
        : {}),
      delete: { min_age: `${retentionDays}d`, actions: { delete: {} } },
    },
  };
}

/** https://docs.opensearch.org/latest/im-plugin/ism/policies/ */
export function ismPolicy({ retentionDays }: Ages): Record<string, unknown> {
  return {
    default_state: 'hot',
    states: [
      {
        name: 'hot',
        actions: [{ rollover: { min_index_age: ROLLOVER.age, min_primary_shard_size: ROLLOVER.size } }],
        transitions: [{ state_name: 'gone', conditions: { min_index_age: `${retentionDays}d` } }],
      },
      { name: 'gone', actions: [{ delete: {} }], transitions: [] },
    ],
    ism_template: [{ index_patterns: ['metrics-kvm.*'], priority: 300 }],
  };
}
