import { findJavas } from './java.ts';

/** A search server that can be assembled from Maven Central. */
export interface ServerKind {
  readonly name: string;
  readonly version: string;
  /** The oldest Java that runs it. */
  readonly java: number;
  readonly dependencies: readonly (readonly [group: string, artifact: string, version: string])[];
  readonly main: 'ElasticsearchMain' | 'OpenSearchMain';
  /** Modules of the default distribution, besides the network's. */
  readonly modules?: readonly ServerModule[];
  /** Renamed classes, where its Java API and so our sources differ from the version before. */
  readonly renamed?: readonly (readonly [before: string, now: string])[];
}

/** A module of a server: its jars, without their dependencies, and sources of what Maven Central lacks. */
export interface ServerModule {
  readonly name: string;
  readonly classname: string;
  readonly extended: readonly string[];
  readonly dependencies: ServerKind['dependencies'];
  readonly standIns: readonly string[];
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
      [LOG4J, 'log4j-core', '2.25.4'],
    ],
    main: 'OpenSearchMain',
  },
  'elasticsearch-9': {
    name: 'Elasticsearch',
    version: '9.1.0',
    java: 21,
    dependencies: [
      ['org.elasticsearch', 'elasticsearch', '9.1.0'],
      ['org.elasticsearch.plugin', 'transport-netty4', '9.1.0'],
      [LOG4J, 'log4j-core', '2.19.0'],
    ],
    main: 'ElasticsearchMain',
    renamed: [['metadata().dataStreams()', 'metadata().getProject().dataStreams()']],
  },
  'opensearch-3': {
    name: 'OpenSearch',
    version: '3.2.0',
    java: 21,
    dependencies: [
      ['org.opensearch', 'opensearch', '3.2.0'],
      ['org.opensearch.plugin', 'transport-netty4-client', '3.2.0'],
      [LOG4J, 'log4j-core', '2.21.0'],
    ],
    main: 'OpenSearchMain',
    renamed: [
      [
        'List.of(Netty4Plugin.class)',
        'List.of(new org.opensearch.plugins.PluginInfo("netty4", "netty4", "3.2.0", org.opensearch.Version.CURRENT, "21", Netty4ModulePlugin.class.getName(), null, List.of(), false))',
      ],
      ['import org.opensearch.transport.Netty4Plugin', 'import org.opensearch.transport.Netty4ModulePlugin'],
    ],
  },
} as const satisfies Record<string, ServerKind>;

export type ServerName = keyof typeof SERVERS;

/** Servers that a JDK of this machine can run; at least Debian 12's 17, which install.ts installs if needed. */
export function runnableServers(): ServerName[] {
  const newest = Math.max(17, ...findJavas().map(({ major }) => major));
  return (Object.keys(SERVERS) as ServerName[]).filter((name) => SERVERS[name].java <= newest);
}
