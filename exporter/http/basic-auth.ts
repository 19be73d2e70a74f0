import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Bcrypt } from './bcrypt.ts';
import { FairQueue } from './fair-queue.ts';

/**
 * Limits on passwords waiting to be checked. A check takes tens of ms or more, and one runs at a time: with a short
 * queue, a request would need luck to still be in it when its turn comes, and waiting costs no more than a connection.
 * They do not count as requests in flight (server.ts).
 */
const WAITING = { perClient: 256, total: 1_024 };

const bcrypt = new Bcrypt();

export type AuthVerdict = 'ok' | 'refused' | 'busy';

/** The requesting client. */
export interface AuthClient {
  /** From clientOf(); clients are served in turn. */
  readonly id: string;
  /** Whether the client has disconnected. */
  readonly isGone: () => boolean;
}

interface Waiting {
  readonly client: AuthClient;
  readonly user: string;
  readonly password: string;
  readonly resolve: (verdict: AuthVerdict) => void;
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** HTTP basic authentication against bcrypt hashes, as in Prometheus' exporter-toolkit. */
export class BasicAuth {
  #users: ReadonlyMap<string, string>;
  readonly #compare: (password: string, hash: string) => Promise<boolean>;
  /**
   * Digests of verified credentials, by user: bcrypt is slow on purpose, and scrapes come every few seconds. The digest
   * covers the hash too, so it becomes invalid when the hash changes.
   */
  readonly #known = new Map<string, Buffer>();
  readonly #key = randomBytes(32);
  readonly #queue = new FairQueue<Waiting>(WAITING);
  #isChecking = false;

  /** @param compare whether a password has this bcrypt hash */
  constructor(
    users: ReadonlyMap<string, string>,
    compare: (password: string, hash: string) => Promise<boolean> = (password, hash) =>
      bcrypt.compare(password, hash),
  ) {
    this.#users = users;
    this.#compare = compare;
  }

  get required(): boolean {
    return this.#users.size > 0;
  }

  /** Takes effect with the next verdict. Cached credentials stay valid while the hash is the same. */
  configure(users: ReadonlyMap<string, string>): void {
    for (const user of this.#known.keys())
      if (users.get(user) !== this.#users.get(user)) this.#known.delete(user);
    this.#users = users;
  }

  /** `busy` when too many passwords are waiting; the client may retry. */
  async verdict(header: string | undefined, client: AuthClient): Promise<AuthVerdict> {
    const given = parse(header);
    if (given === undefined) return 'refused';
    if (this.#isKnown(given)) return 'ok';
    return new Promise((resolve) => {
      if (this.#queue.isFullFor(client.id)) {
        for (const gone of this.#queue.discard((waiting) => waiting.client.isGone())) gone.resolve('busy');
      }
      this.#queue.add(client.id, { client, ...given, resolve })?.resolve('busy');
      if (!this.#isChecking) void this.#checkAll();
    });
  }

  async #checkAll(): Promise<void> {
    this.#isChecking = true;
    for (let next = this.#queue.take(); next !== undefined; next = this.#queue.take()) {
      const { client, resolve } = next;
      if (client.isGone()) resolve('busy');
      // The same credentials may have been checked while these waited.
      else if (this.#isKnown(next)) resolve('ok');
      else resolve((await this.#isRight(next)) ? 'ok' : 'refused');
    }
    this.#isChecking = false;
  }

  async #isRight(given: Credentials): Promise<boolean> {
    const { user, password } = given;
    const hash = this.#users.get(user);
    const matches = await this.#compare(password, hash ?? this.#hashOfAnother(user)).catch(() => false);
    // A reload may have changed the hash since.
    if (!matches || hash === undefined || this.#users.get(user) !== hash) return false;
    this.#known.set(user, this.#digest(given, hash));
    return true;
  }

  /**
   * An unknown user must take as long to reject as a known one, and hashes differ in cost: each unknown name always
   * maps to the same one of the configured hashes.
   */
  #hashOfAnother(user: string): string {
    const hashes = [...this.#users.values()];
    return hashes[this.#digest({ user, password: '' }, '').readUInt32BE() % hashes.length] ?? '';
  }

  #isKnown(given: Credentials): boolean {
    const digest = this.#digest(given, this.#users.get(given.user) ?? '');
    const known = this.#known.get(given.user);
    return timingSafeEqual(known ?? Buffer.alloc(digest.length), digest) && known !== undefined;
  }

  #digest({ user, password }: Credentials, hash: string): Buffer {
    return createHmac('sha256', this.#key).update(`${user}\0${hash}\0${password}`).digest();
  }
}

function parse(header: string | undefined): Credentials | undefined {
  const match = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '');
  if (match === null) return undefined;
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
