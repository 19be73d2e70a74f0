import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Bcrypt } from './bcrypt.ts';

const KNOWN_MAX = 100;
/** Of password checks at once: each costs tens of ms of CPU, and whoever guesses must not get more of it. */
const CHECKS_MAX = 4;

const bcrypt = new Bcrypt();

export type AuthVerdict = 'ok' | 'refused' | 'busy';

/** HTTP basic authentication against bcrypt hashes, as Prometheus' exporter-toolkit has it. */
export class BasicAuth {
  readonly #users: ReadonlyMap<string, string>;
  /** Digests of credentials that were right: bcrypt is slow on purpose, scrapes come every few seconds. */
  readonly #known = new Set<string>();
  readonly #key = randomBytes(32);
  #checking = 0;

  constructor(users: ReadonlyMap<string, string>) {
    this.#users = users;
  }

  get required(): boolean {
    return this.#users.size > 0;
  }

  async verdict(header: string | undefined): Promise<AuthVerdict> {
    const given = parse(header);
    if (given === undefined) return 'refused';
    const hash = this.#users.get(given.user);
    const digest = createHmac('sha256', this.#key)
      .update(`${given.user}\0${hash ?? ''}\0${given.password}`)
      .digest('hex');
    if (hash !== undefined && this.#isKnown(digest)) return 'ok';
    if (this.#checking >= CHECKS_MAX) return 'busy';
    this.#checking++;
    try {
      // For a user that does not exist another's hash is compared with, so that both take as long.
      const [other = ''] = this.#users.values();
      const matches = await bcrypt.compare(given.password, hash ?? other);
      if (!matches || hash === undefined) return 'refused';
    } finally {
      this.#checking--;
    }
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.add(digest);
    return 'ok';
  }

  #isKnown(digest: string): boolean {
    const given = Buffer.from(digest);
    let found = false;
    for (const known of this.#known) if (timingSafeEqual(Buffer.from(known), given)) found = true;
    return found;
  }
}

function parse(header: string | undefined): { user: string; password: string } | undefined {
  const match = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '');
  if (match === null) return undefined;
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
