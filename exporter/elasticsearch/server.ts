import { isObject } from '../../model/is-object.ts';
import { serverText } from '../server-text.ts';
import { foreign, notPermitted, refused } from './answer.ts';
import type { SearchClient, SearchResponse } from './client.ts';
import { SearchError } from './search-error.ts';

/** The search server, as it identifies itself. */
export interface SearchServer {
  readonly kind: 'elasticsearch' | 'opensearch';
  /** URL of the node that answered, without credentials. */
  readonly node: string;
  /** Absent if the key may not read it. */
  readonly version: ServerVersion | undefined;
  /** Elastic's serverless has no index lifecycle management, and no meaningful version. */
  readonly serverless: boolean;
}

export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

/** Time series data streams are GA since 8.7; OpenSearch has had data streams since 1.0. */
const OLDEST = { elasticsearch: [8, 7], opensearch: [2, 0] } as const;

/** For a version and a tagline. */
const VERSION_MAX = 80;

interface Greeting {
  readonly tagline?: unknown;
  readonly version?: {
    readonly number?: unknown;
    readonly distribution?: unknown;
    readonly build_flavor?: unknown;
  };
}

/** @throws SearchError */
export async function recognise(client: SearchClient, signal?: AbortSignal): Promise<SearchServer> {
  const answer = await client.request({ method: 'GET', path: '/', signal });
  return readGreeting(answer);
}

/** @throws SearchError */
export function readGreeting(answer: SearchResponse): SearchServer {
  const { node } = answer;
  const isElastic = answer.headers['x-elastic-product'] === 'Elasticsearch';
  if (answer.status === 401 || (answer.status === 403 && !isElastic)) throw notPermitted(answer);
  // A write-only key may not read the version, but Elasticsearch names its product in a header.
  if (answer.status === 403) return { kind: 'elasticsearch', node, version: undefined, serverless: false };
  const other = foreign(answer);
  if (other !== undefined) throw other;
  if (answer.status !== 200) throw refused('for its version', answer);
  const { tagline, version } = isObject(answer.body) ? (answer.body as Greeting) : ({} as Greeting);
  const isOpen =
    version?.distribution === 'opensearch' ||
    serverText(tagline, VERSION_MAX).startsWith('The OpenSearch Project');
  if (!isOpen && !isElastic) {
    throw new SearchError(
      'SEARCH_UNSUPPORTED',
      node,
      'the server is neither Elasticsearch 8 or newer nor OpenSearch; check the address',
    );
  }
  const kind = isOpen ? 'opensearch' : 'elasticsearch';
  const found = parseVersion(serverText(version?.number, VERSION_MAX));
  const serverless = version?.build_flavor === 'serverless';
  const [major, minor] = OLDEST[kind];
  // OpenSearch can be configured to report 7.10.2 for old clients.
  const isTooOld =
    found !== undefined && (found.major < major || (found.major === major && found.minor < minor));
  if (isTooOld && !serverless && !(isOpen && found.major === 7)) {
    throw new SearchError(
      'SEARCH_UNSUPPORTED',
      node,
      `the server is ${nameOf({ kind, version: found, serverless })}; virtune needs ${major}.${minor} or newer`,
    );
  }
  return { kind, node, version: found, serverless };
}

/** "Elasticsearch 8.19.0", for messages. */
export function nameOf({ kind, version, serverless }: Omit<SearchServer, 'node'>): string {
  return `${kind === 'opensearch' ? 'OpenSearch' : 'Elasticsearch'}${serverless ? ' (serverless)' : version === undefined ? '' : ` ${version.text}`}`;
}

export function isAtLeast(server: SearchServer, major: number, minor: number): boolean {
  const { version, serverless } = server;
  if (version === undefined || serverless) return true;
  return version.major > major || (version.major === major && version.minor >= minor);
}

function parseVersion(text: string): ServerVersion | undefined {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]), text };
}
