import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Account {
  readonly username: string;
  readonly password: string;
}

/** The server side of one SASL exchange. */
export interface SaslServer {
  /** Undefined: refused. */
  answer(message: Uint8Array): { data: Uint8Array | undefined; complete: boolean } | undefined;
}

const ITERATIONS = 4_096;
const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

export function saslServer(mechanism: string, account: Account): SaslServer | undefined {
  if (mechanism === 'PLAIN') return plainServer(account);
  if (mechanism === 'SCRAM-SHA-256') return scramServer(account);
  return undefined;
}

function plainServer({ username, password }: Account): SaslServer {
  return {
    answer(message) {
      const [, name, word] = Buffer.from(message).toString('utf8').split('\0');
      return name === username && word === password ? { data: undefined, complete: true } : undefined;
    },
  };
}

/** The server of RFC 5802: first the challenge, then verifies the client's proof and returns the server signature. */
function scramServer({ username, password }: Account): SaslServer {
  const salt = randomBytes(16);
  const serverNonce = randomBytes(18).toString('base64');
  let firstBare = '';
  let serverFirst = '';
  let done = false;
  return {
    answer(message) {
      const text = Buffer.from(message).toString('utf8');
      if (done) return { data: undefined, complete: true };
      if (serverFirst === '') {
        firstBare = text.replace(/^n,,/, '');
        const [name, nonce] = firstBare.split(',').map((part) => part.slice(2));
        if (name !== username) return undefined;
        serverFirst = `r=${nonce}${serverNonce},s=${salt.toString('base64')},i=${ITERATIONS}`;
        return { data: Buffer.from(serverFirst), complete: false };
      }
      const [withoutProof = '', proof = ''] = text.split(',p=');
      const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
      const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
      const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
      const signature = hmac(storedKey, authMessage);
      const clientKey = Buffer.from(proof, 'base64').map((byte, i) => byte ^ (signature[i] ?? 0));
      const given = createHash('sha256').update(clientKey).digest();
      if (!timingSafeEqual(given, storedKey)) return undefined;
      done = true;
      const verifier = hmac(hmac(salted, 'Server Key'), authMessage).toString('base64');
      return { data: Buffer.from(`v=${verifier}`), complete: true };
    },
  };
}
