/** Search servers that can be put together from Maven Central. */
export interface ServerKind {
  readonly name: string;
  readonly version: string;
  /** The oldest Java that runs it. */
  readonly java: number;
  readonly dependencies: readonly (readonly [group: string, artifact: string, version: string])[];
  readonly main: 'ElasticsearchMain' | 'OpenSearchMain';
}

const LOG4J = 'org.apache.logging.log4j';

export const SERVERS = {
  'elasticsearch-8': {
    name: 'Elasticsearch',
    version: '8.19.0',
    java: 17,
    dependencies: [
      ['org.elasticsearch', 'elasticsearch', '8.19.0'],
      ['org.elasticsearch.plugin', 'transport-netty4', '8.19.0'],
      [LOG4J, 'log4j-core', '2.19.0'],
    ],
    main: 'ElasticsearchMain',
  },
  'opensearch-2': {
    name: 'OpenSearch',
    version: '2.19.6',
    java: 17,
    dependencies: [
      ['org.opensearch', 'opensearch', '2.19.6'],
      ['org.opensearch.plugin', 'transport-netty4-client', '2.19.6'],
      ['org.opensearch.plugin', 'mapper-extras-client', '2.19.6'],
      [LOG4J, 'log4j-core', '2.25.4'],
    ],
    main: 'OpenSearchMain',
  },
} as const satisfies Record<string, ServerKind>;

export type ServerName = keyof typeof SERVERS;

/** Those that a Java of this machine runs. */
export function runnableServers(): ServerName[] {
  return Object.keys(SERVERS) as ServerName[];
}
