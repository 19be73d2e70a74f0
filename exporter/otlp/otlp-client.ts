import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { connectionFailure, type FailureKind, type Party } from '../../model/connection-failure.ts';
import { OtlpError, type OtlpErrorCode } from './otlp-error.ts';
import type { ReceiverSettings } from './settings.ts';

export interface OtlpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What virtune needs of a client: a request resolves with its answer, whatever the status. */
export interface OtlpClient {
  /** @param body a gzipped ExportMetricsServiceRequest @throws OtlpError if there is no answer */
  post(body: Buffer, signal: AbortSignal): Promise<OtlpAnswer>;
  close(): void;
}

/** Far above any answer to an export; anything that sends more is not a receiver. */
const ANSWER_MAX_BYTES = 1024 * 1024;

/** One connection, which is kept between requests. */
export function openOtlpClient(settings: ReceiverSettings, version: string): OtlpClient {
  const { url, headers, ca, clientCert, timeoutMs, compress } = settings;
  const isTls = url.startsWith('https:');
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, maxSockets: 1, ...(ca === undefined ? {} : { ca }), ...clientCert })
    : new HttpAgent({ keepAlive: true, maxSockets: 1 });
  const post = async (body: Buffer, signal: AbortSignal): Promise<OtlpAnswer | Failure> => {
    const bytes = compress ? body : gunzipSync(body);
    const { promise, resolve } = Promise.withResolvers<OtlpAnswer | Failure>();
    const request = (isTls ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      agent,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        'user-agent': `virtune/${version}`,
        ...headers,
        'content-type': 'application/x-protobuf',
        'content-length': bytes.length,
        ...(compress ? { 'content-encoding': 'gzip' } : {}),
      },
    });
    // Not once(): a second error without a listener would end the process.
    request.on('error', (error) => resolve({ error, isStale: request.reusedSocket && isReset(error) }));
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > ANSWER_MAX_BYTES) response.destroy(new Error('the response is too long'));
        else chunks.push(chunk);
      });
      response.on('error', (error) => resolve({ error, isStale: false }));
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    request.end(bytes);
    return promise;
  };
  return {
    async post(body, signal) {
      const first = await post(body, signal);
      // Retry once if the server closed an idle connection just as it was reused: that says nothing about the server.
      const last = 'isStale' in first && first.isStale ? await post(body, signal) : first;
      if ('error' in last) throw explain(url, last.error);
      return last;
    },
    close: () => agent.destroy(),
  };
}

/** The receiver's URL for messages, without its query, which may contain secrets. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** A request without an answer. */
interface Failure {
  readonly error: Error;
  /** The connection was reused, and the server had closed it. */
  readonly isStale: boolean;
}

function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

const RECEIVER: Party = {
  name: 'the receiver',
  withCa: 'with --otlp.ca-file (ca_file in the configuration file)',
  inAddress: '--otlp.endpoint (endpoint in the configuration file)',
};
const CODES: Readonly<Record<FailureKind, OtlpErrorCode>> = {
  unreachable: 'OTLP_UNREACHABLE',
  tls: 'OTLP_CERTIFICATE',
  certificate: 'OTLP_CERTIFICATE',
  'not http': 'OTLP_ANSWER',
  'no answer': 'OTLP_NO_ANSWER',
};

function explain(url: string, cause: NodeJS.ErrnoException): OtlpError {
  const isTimeout = cause.name === 'AbortError' || cause.name === 'TimeoutError';
  const { code = '' } = cause;
  const text = cause.message.includes(code) ? cause.message : `${cause.message} (${code})`;
  const { kind, message } = connectionFailure(
    isTimeout ? 'timeout' : text,
    url.startsWith('https:'),
    RECEIVER,
  );
  return new OtlpError(CODES[kind], shownUrl(url), message, cause);
}
