import type { groups } from './catalogue.ts';
import type { elasticsearchMetrics } from './elasticsearch.ts';
import type { exporterMetrics } from './exporter.ts';
import type { healthMetrics } from './health.ts';
import type { neighbourMetrics } from './neighbours.ts';
import type { otlpMetrics } from './otlp.ts';
import type { outputMetrics } from './output.ts';

/** Names that are known at compile time; dynamic names are excluded. */
type NameOf<M> = M extends { readonly name: infer N extends string }
  ? string extends N
    ? never
    : M extends { readonly type: 'histogram' }
      ? `${N}_bucket` | `${N}_sum` | `${N}_count`
      : N
  : never;

/** Every series that virtune exports, and the few others that its dashboards and rules depend on. */
export type SeriesName =
  | NameOf<(typeof groups)[number]['metrics'][number]>
  | NameOf<(typeof healthMetrics)[keyof typeof healthMetrics]>
  | NameOf<(typeof exporterMetrics)[keyof typeof exporterMetrics]>
  | NameOf<(typeof elasticsearchMetrics)[keyof typeof elasticsearchMetrics]>
  | NameOf<(typeof otlpMetrics)[keyof typeof otlpMetrics]>
  | NameOf<(typeof outputMetrics)[keyof typeof outputMetrics]>
  | NameOf<(typeof neighbourMetrics)[number]>;
