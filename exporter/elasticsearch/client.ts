import type { TransportRequestOptions } from '@elastic/elasticsearch';
import { findCa } from './ca-fingerprint.ts';
import { SearchError } from './search-error.ts';
import type { ServerSettings } from './settings.ts';

export interface SearchRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** Lines of JSON, each ended. */
  readonly lines?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SearchResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** What virtune needs of a search server: requests, answered whatever the status. */
export interface SearchClient {
  /** @throws SearchError when there is no answer, or none of a search server */
  request(request: SearchRequest): Promise<SearchResponse>;
  close(): Promise<void>;
}

/** Far above any answer to what virtune asks; what sends more is not what it should be. */
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

/**
 * @elastic/elasticsearch, loaded here and only now: it costs 0.2 s and 38 MiB. Its connections, cloud ids,
 * authentication and TLS are used as they are. Two things of its transport are not: media types that pin the
 * version of the server, since 8 refuses the ones of 9 and OpenSearch all of them, and the check that the server is
 * Elastic's own. `recognise` asks the server instead, and virtune sends only what all of them understand. The check of
 * `caFingerprint` is not used either: see findCa.
 * @throws SearchError when the CA of a fingerprint cannot be found
 */
export async function openClient(settings: ServerSettings, version: string): Promise<SearchClient> {
  const { Client, Transport, errors } = await import('@elastic/elasticsearch');
  class PlainTransport extends Transport {
    constructor(options: ConstructorParameters<typeof Transport>[0]) {
      const { productCheck: _check, vendoredHeaders: _headers, ...rest } = options;
      super(rest);
    }
  }
  const { nodes, cloudId, auth, caFingerprint, requestTimeoutMs, compress } = settings;
  const ca = caFingerprint === undefined ? settings.ca : await findCa(nodes, caFingerprint, requestTimeoutMs);
  const client = new Client({
    ...(cloudId === undefined ? { nodes: [...nodes] } : { cloud: { id: cloudId } }),
    ...(auth === undefined ? {} : { auth }),
    // The certificate that the fingerprint names may be of a CA in the middle of the chain.
    ...(ca === undefined ? {} : { tls: { ca, allowPartialTrustChain: caFingerprint !== undefined } }),
    Transport: PlainTransport,
    headers: { 'user-agent': `virtune/${version}` },
    enableMetaHeader: false,
    // Trying again is the sender's work: it knows what may be sent twice.
    maxRetries: 0,
    requestTimeout: requestTimeoutMs,
    maxResponseSize: ANSWER_MAX_BYTES,
    maxCompressedResponseSize: ANSWER_MAX_BYTES,
  });
  return {
    async request({ method, path, query, body, lines, signal }) {
      const options: TransportRequestOptions & { meta: true } = {
        meta: true,
        ...(signal === undefined ? {} : { signal }),
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
        return { status: answer.statusCode ?? 0, headers: answer.headers ?? {}, body: answer.body };
      } catch (error) {
        if (error instanceof errors.ResponseError) {
          return { status: error.statusCode ?? 0, headers: error.headers ?? {}, body: error.body };
        }
        throw explain(error, errors);
      }
    },
    close: () => client.close(),
  };
}

/**
 * The client keeps nothing of a connection's error but its text, so the text must do. What is not known by it is
 * taken for the worst: that the server may have got what was sent.
 */
function explain(error: unknown, errors: typeof import('@elastic/elasticsearch')['errors']): SearchError {
  const { message } = error as Error;
  if (error instanceof errors.DeserializationError) {
    return new SearchError(
      'SEARCH_ANSWER',
      `the response is not JSON (${message}); check the address, and for a proxy in between`,
      error,
    );
  }
  if (/certificate|altnames|fingerprint|SSL routines/i.test(message)) {
    return new SearchError(
      'SEARCH_CERTIFICATE',
      `the server's certificate is not trusted (${message}); set the CA that signed it, or use the address that it was issued for`,
      error,
    );
  }
  if (/\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b/.test(message)) {
    return new SearchError(
      'SEARCH_UNREACHABLE',
      `the server cannot be reached: ${message}; check the address, the network and the server`,
      error,
    );
  }
  return new SearchError(
    'SEARCH_NO_ANSWER',
    `the server did not answer: ${message}; virtune asks again, and the server's log has more`,
    error,
  );
}
