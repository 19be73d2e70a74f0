import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Bcrypt } from './bcrypt.ts';
import { FairQueue } from './fair-queue.ts';

/**
 * Passwords that wait for their check. A check takes tens of ms or more, and one runs at a time: what is displaced from a
 * short queue has to be lucky to be in it when its turn comes, and one that waits costs a connection and no more. They are
 * not among the requests that may be under way (server.ts).
 */
const WAITING = { perClient: 256, total: 1_024 };

const bcrypt = new Bcrypt();

export type AuthVerdict = 'ok' | 'refused' | 'busy';

/** Who asks. */
export interface AuthClient {
  /** As clientOf() gives it; clients are served in turn. */
  readonly id: string;
  /** Nobody waits for the answer any more. */
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
   * Digests of the credentials that were right, by user: bcrypt is slow on purpose and scrapes come every few seconds.
   * A digest covers the hash as well, so it stops to hold when the hash changes.
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

  /** New users hold for the next verdict. Who is known stays known while the hash is the same. */
  configure(users: ReadonlyMap<string, string>): void {
    for (const user of this.#known.keys())
      if (users.get(user) !== this.#users.get(user)) this.#known.delete(user);
    this.#users = users;
  }

  /** `busy` when more passwords wait than may; a client that retries has another chance. */
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
    // The hash may have changed with a reload since.
    if (!matches || hash === undefined || this.#users.get(user) !== hash) return false;
    this.#known.set(user, this.#digest(given, hash));
    return true;
  }

  /**
   * A user that does not exist must take as long as one that does, and hashes differ in cost: each name that is made up
   * always gets the same one of the users' hashes.
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
