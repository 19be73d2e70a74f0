import { promisify } from 'node:util';
import { unzip } from 'node:zlib';

/** Far above any answer that virtune asks for; anything larger is bogus. */
export const ANSWER_MAX_BYTES = 8 * 1024 * 1024;
/**
 * Limit on JSON values in an answer, ten times what a server needs for a large batch. A two-byte object takes some 90
 * bytes in memory: 8 MiB of them took 250 MiB and more than a second.
 */
const ANSWER_MAX_VALUES = 1_000_000;

const unpack = promisify(unzip);

/** The form of a connection's request used here; another one returns a stream. */
export type PlainRequest = (
  params: object,
  options: { readonly maxResponseSize?: number },
) => Promise<{
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string | Buffer;
}>;

/** Bounds decompression: the client would inflate any amount from a few bytes. */
export async function unpacked(
  answer: Awaited<ReturnType<PlainRequest>>,
  { maxResponseSize: maxOutputLength = ANSWER_MAX_BYTES }: Parameters<PlainRequest>[1],
): ReturnType<PlainRequest> {
  const { 'content-encoding': encoding, ...headers } = answer.headers;
  if (encoding === undefined || !Buffer.isBuffer(answer.body)) return answer;
  try {
    const body = await unpack(answer.body, { maxOutputLength });
    return { ...answer, headers, body: body.toString() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `the response is too long: more than ${maxOutputLength} bytes after decompression`
        : `the response cannot be unpacked: ${message}`,
    );
  }
}

/** Call before parsing JSON. @throws an error for more values than any real answer has */
export function checkValues(json: string): void {
  if (valuesIn(json) > ANSWER_MAX_VALUES)
    throw new Error(`the response is too long: more than ${ANSWER_MAX_VALUES} values`);
}

/** Upper bound on the values in a JSON text: each follows one of these. */
function valuesIn(json: string): number {
  let count = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x2c || code === 0x5b || code === 0x7b) count++;
  }
  return count;
}
