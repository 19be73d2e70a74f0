import type { TransportRequestOptions } from '@elastic/elasticsearch';
import { ANSWER_MAX_BYTES, checkValues, type PlainRequest, unpacked } from './bounded-answer.ts';
import { findCa } from './ca-fingerprint.ts';
import { connectionError } from './connection-error.ts';
import { SearchError } from './search-error.ts';
import type { ServerSettings } from './settings.ts';

export interface SearchRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** NDJSON, each line terminated. */
  readonly lines?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Limit on the uncompressed answer. Default: 8 MiB. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface SearchResponse {
  /** URL of the node that answered, without credentials. */
  readonly node: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** What virtune needs of a client: a request resolves with its answer, whatever the status. */
export interface SearchClient {
  /** @throws SearchError if there is no answer, or not one from a search server */
  request(request: SearchRequest): Promise<SearchResponse>;
  close(): Promise<void>;
}

/**
 * Limit on a whole request and answer, in multiples of the client's time-out, which only covers the response head and
 * each pause: an answer sent byte by byte would never end.
 */
const TIMEOUTS_PER_REQUEST = 2;

/**
 * Opens an @elastic/elasticsearch client, loaded lazily: it costs 0.2 s and 38 MiB. Its connections, cloud ids,
 * authentication and TLS are used as they are. Two things of its transport are removed: media types that pin the server
 * version, since 8 rejects those of 9 and OpenSearch all of them, and the check that the server is Elastic's own.
 * Instead `recognise` identifies the server, and virtune sends only what all of them understand. `caFingerprint` is not
 * used either: see findCa.
 * @param stop aborts every request
 * @throws SearchError when the CA of a fingerprint cannot be found
 */
export async function openClient(
  settings: ServerSettings,
  version: string,
  stop?: AbortSignal,
): Promise<SearchClient> {
  const { Client, Serializer, Transport, UndiciConnection, errors } = await import('@elastic/elasticsearch');
  class PlainTransport extends Transport {
    constructor(options: ConstructorParameters<typeof Transport>[0]) {
      const { productCheck: _check, vendoredHeaders: _headers, ...rest } = options;
      super(rest);
    }
  }
  class BoundedConnection extends UndiciConnection {
    constructor(options: ConstructorParameters<typeof UndiciConnection>[0]) {
      super(options);
      const request = this.request.bind(this) as unknown as PlainRequest;
      this.request = (async (params, given) =>
        unpacked(await request(params, given), given)) as PlainRequest as unknown as typeof this.request;
    }
  }
  class BoundedSerializer extends Serializer {
    override deserialize<T = unknown>(json: string): T {
      checkValues(json);
      return super.deserialize<T>(json);
    }
  }
  const { nodes, cloudId, auth, caFingerprint, requestTimeoutMs, compress } = settings;
  const ca = caFingerprint === undefined ? settings.ca : await findCa(nodes, caFingerprint, requestTimeoutMs);
  const client = new Client({
    ...(cloudId === undefined ? { nodes: [...nodes] } : { cloud: { id: cloudId } }),
    ...(auth === undefined ? {} : { auth }),
    // The fingerprint may belong to an intermediate CA.
    ...(ca === undefined ? {} : { tls: { ca, allowPartialTrustChain: caFingerprint !== undefined } }),
    Transport: PlainTransport,
    Connection: BoundedConnection,
    Serializer: BoundedSerializer,
    headers: { 'user-agent': `virtune/${version}` },
    enableMetaHeader: false,
    // Retries are up to the sender, which knows what may be sent twice.
    maxRetries: 0,
    requestTimeout: requestTimeoutMs,
    maxResponseSize: ANSWER_MAX_BYTES,
    maxCompressedResponseSize: ANSWER_MAX_BYTES,
  });
  return {
    async request({ method, path, query, body, lines, signal = stop, maxAnswerBytes = ANSWER_MAX_BYTES }) {
      const overMs = TIMEOUTS_PER_REQUEST * requestTimeoutMs;
      const over = AbortSignal.timeout(overMs);
      const options: TransportRequestOptions & { meta: true } = {
        meta: true,
        signal: signal === undefined ? over : AbortSignal.any([signal, over]),
        maxResponseSize: maxAnswerBytes,
        maxCompressedResponseSize: maxAnswerBytes,
        ...(lines === undefined ? {} : { compression: compress }),
      };
      try {
        const answer = await client.transport.request(
          {
            method,
            path,
            ...(query === undefined ? {} : { querystring: { ...query } }),
            ...(body === undefined ? {} : { body: { ...body } }),
            ...(lines === undefined ? {} : { bulkBody: lines }),
          },
          options,
        );
        return {
          node: nodeOf(answer, settings),
          status: answer.statusCode ?? 0,
          headers: answer.headers ?? {},
          body: answer.body,
        };
      } catch (error) {
        if (error instanceof errors.ResponseError) {
          return {
            node: nodeOf(error.meta, settings),
            status: error.statusCode ?? 0,
            headers: error.headers ?? {},
            body: error.body,
          };
        }
        if (signal?.aborted === true) {
          const { message } = signal.reason as Error;
          const node = nodeOf((error as { readonly meta?: Answered }).meta, settings);
          throw new SearchError('SEARCH_STOPPED', node, `the request was stopped (${message})`, error);
        }
        if (over.aborted) {
          const node = nodeOf((error as { readonly meta?: Answered }).meta, settings);
          throw connectionError(node, `no complete response within ${overMs / 1_000} s`, error);
        }
        throw explain(error, errors, settings);
      }
    },
    close: () => client.close(),
  };
}

/** The client's answer, or what its errors keep of one. */
interface Answered {
  readonly meta?: { readonly connection?: { readonly url: URL | string } | null } | undefined;
}

/** The node that a request went to; all nodes if none was chosen. */
function nodeOf(answered: Answered | undefined, settings: ServerSettings): string {
  // A URL, or its text in errors. Do not use href: it may contain user name and password.
  const url = URL.parse(String(answered?.meta?.connection?.url));
  if (url !== null) return `${url.origin}${url.pathname.replace(/\/$/, '')}`;
  return allNodes(settings);
}

function allNodes({ nodes, cloudId }: Pick<ServerSettings, 'nodes' | 'cloudId'>): string {
  // The rest of a cloud id is the encoded address.
  return nodes.length > 0 ? nodes.join(', ') : `cloud id ${cloudId?.split(':')[0]}`;
}

/** The error of a command that a signal stopped. @param next what is done, and what to do next */
export function stoppedError(
  settings: Pick<ServerSettings, 'nodes' | 'cloudId'>,
  { reason }: AbortSignal,
  next: string,
): SearchError {
  return new SearchError(
    'SEARCH_STOPPED',
    allNodes(settings),
    `stopped by ${(reason as Error).message}; ${next}`,
  );
}

function explain(
  error: unknown,
  errors: typeof import('@elastic/elasticsearch')['errors'],
  settings: ServerSettings,
): SearchError {
  const { message, meta } = error as Error & { readonly meta?: Answered };
  const node = nodeOf(meta, settings);
  if (error instanceof errors.DeserializationError) {
    return new SearchError(
      'SEARCH_ANSWER',
      node,
      `the response is not JSON (${message}); check the address, and for a proxy in between`,
      error,
    );
  }
  return connectionError(node, message, error);
}
