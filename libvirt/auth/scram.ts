import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AuthError } from '../errors.ts';
import type { Credentials, SaslMechanism } from './mechanism.ts';

const derive = promisify(pbkdf2);
const HASH = 'sha256';
const HASH_BYTES = 32;
/** RFC 7677 asks for 4096 at least; the upper bound keeps a hostile server from burning our CPU. */
const ITERATIONS_MIN = 4_096;
const ITERATIONS_MAX = 1_000_000;
/** "n,,": no channel binding, no other identity (RFC 5802, section 7). */
const GS2_HEADER = 'n,,';

const hmac = (key: Uint8Array, text: string): Buffer => createHmac(HASH, key).update(text).digest();

/** SCRAM-SHA-256 (RFC 5802, RFC 7677): the password is not sent, and each side proves that it knows it. */
export function scramSha256(
  { username, password }: Credentials,
  nonce = randomBytes(24).toString('base64'),
): SaslMechanism {
  const name = username.normalize('NFKC').replaceAll('=', '=3D').replaceAll(',', '=2C');
  const firstBare = `n=${name},r=${nonce}`;
  let serverSignature: Buffer | undefined;
  let proven = false;

  async function prove(serverFirst: string): Promise<Uint8Array> {
    const { r: bothNonces = '', s: salt = '', i: count = '' } = attributes(serverFirst);
    const iterations = Number(count);
    if (!bothNonces.startsWith(nonce) || bothNonces.length === nonce.length) {
      throw unproven('its nonce does not extend the client nonce');
    }
    if (!/^\d+$/.test(count) || iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) {
      throw unproven(`iteration count ${count} is not between ${ITERATIONS_MIN} and ${ITERATIONS_MAX}`);
    }
    const salted = await derive(
      password.normalize('NFKC'),
      Buffer.from(salt, 'base64'),
      iterations,
      HASH_BYTES,
      HASH,
    );
    const clientKey = hmac(salted, 'Client Key');
    const storedKey = createHash(HASH).update(clientKey).digest();
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${bothNonces}`;
    const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, authMessage);
    const proof = clientKey.map((byte, i) => byte ^ (signature[i] as number));
    serverSignature = hmac(hmac(salted, 'Server Key'), authMessage);
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  }

  function verify(serverFinal: string, expected: Buffer): void {
    const { v: verifier, e: error } = attributes(serverFinal);
    if (error !== undefined) {
      throw new AuthError(
        'LIBVIRT_AUTH_FAILED',
        `SCRAM-SHA-256: the server reports ${JSON.stringify(error)}`,
      );
    }
    const given = Buffer.from(verifier ?? '', 'base64');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw unproven('its signature does not match the password');
    }
    proven = true;
  }

  return {
    name: 'SCRAM-SHA-256',
    revealsPassword: false,
    get done() {
      return proven;
    },
    first: () => Buffer.from(GS2_HEADER + firstBare),
    async answer(challenge) {
      const text = Buffer.from(challenge).toString('utf8');
      if (serverSignature === undefined) return prove(text);
      if (!proven) verify(text, serverSignature);
      return undefined;
    },
  };
}

/** `a=1,b=2` as an object; a value may hold further equals signs (base64 does). */
function attributes(message: string): Partial<Record<string, string>> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

function unproven(why: string): AuthError {
  return new AuthError(
    'LIBVIRT_AUTH_SERVER_UNPROVEN',
    `SCRAM-SHA-256: the server did not prove its identity: ${why}; find out why before you trust it`,
  );
}
