import { COMPAT_STREAMS, STREAM_NAMES } from '../../../exporter/documents/streams.ts';
import { PRIORITY, TEMPLATES_VERSION } from '../../../exporter/elasticsearch/setup/templates.ts';

/** The part of an index template that a server lists. */
export interface ListedTemplate {
  readonly name: string;
  readonly index_template: {
    readonly index_patterns: readonly string[];
    readonly priority: number;
    readonly version?: number;
  };
}

/** The list of templates after `setup --metricbeat-compat`. */
export const OWN_TEMPLATES: readonly ListedTemplate[] = [...STREAM_NAMES, ...COMPAT_STREAMS].map(
  (stream) => ({
    name: `metrics-kvm.${stream}`,
    index_template: {
      index_patterns: [`metrics-kvm.${stream}-*`],
      priority: PRIORITY,
      version: TEMPLATES_VERSION,
    },
  }),
);
