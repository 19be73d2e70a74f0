import { SERVERS, type ServerKind, type ServerModule } from './servers.ts';

const PLUGIN = 'org.elasticsearch.plugin';
const HTTP = 'org.apache.httpcomponents';

/** Elasticsearch's own ES|QL, from Maven Central; stubs replace three classes of libraries that are not available. */
function esqlModules(version: string): readonly ServerModule[] {
  return [
    {
      name: 'x-pack-core',
      classname: 'org.elasticsearch.xpack.core.XPackPlugin',
      extended: [],
      standIns: [],
      dependencies: [
        [PLUGIN, 'x-pack-core', version],
        [PLUGIN, 'x-pack-template-resources', version],
        ['com.unboundid', 'unboundid-ldapsdk', '6.0.3'],
        [HTTP, 'httpclient', '4.5.14'],
        [HTTP, 'httpcore', '4.4.16'],
        [HTTP, 'httpasyncclient', '4.1.5'],
        [HTTP, 'httpcore-nio', '4.4.16'],
        ['commons-logging', 'commons-logging', '1.2'],
        ['commons-codec', 'commons-codec', '1.15'],
        ['org.apache.logging.log4j', 'log4j-1.2-api', '2.19.0'],
      ],
    },
    {
      name: 'x-pack-esql',
      classname: 'org.elasticsearch.xpack.esql.plugin.EsqlPlugin',
      extended: ['x-pack-core'],
      standIns: ['esql/ArrowFormat.java', 'esql/DissectException.java', 'esql/DissectParser.java'],
      dependencies: [
        [PLUGIN, 'x-pack-esql', version],
        [PLUGIN, 'x-pack-esql-core', version],
        [PLUGIN, 'x-pack-esql-compute', version],
        ['org.apache.lucene', 'lucene-spatial3d', '9.12.2'],
        ['org.antlr', 'antlr4-runtime', '4.13.1'],
      ],
    },
  ];
}

const { version } = SERVERS['elasticsearch-8'];

/** Elasticsearch 8 with ES|QL. */
export const WITH_ESQL: ServerKind = { ...SERVERS['elasticsearch-8'], modules: esqlModules(version) };
