import { expect, test } from 'vitest';
import { type AuthVerdict, BasicAuth } from '../../exporter/http/basic-auth.ts';

const header = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

interface Check {
  readonly password: string;
  readonly hash: string;
  readonly answer: (matches: boolean) => void;
}

/** Password checks finish when the test says so; `hash of X` is the hash of X. */
function held(users: Readonly<Record<string, string>>) {
  const checks: Check[] = [];
  const auth = new BasicAuth(
    new Map(Object.entries(users)),
    (password, hash) => new Promise((answer) => checks.push({ password, hash, answer })),
  );
  const ask = (user: string, password: string, id = 'a', isGone = () => false): Promise<AuthVerdict> =>
    auth.verdict(header(user, password), { id, isGone });
  /** Finishes checks one after another, and returns the passwords in the order in which they were checked. */
  const settle = async (): Promise<string[]> => {
    const order: string[] = [];
    for (let next = checks.shift(); next !== undefined; next = checks.shift()) {
      expect(checks).toEqual([]);
      order.push(next.password);
      next.answer(next.hash === `hash of ${next.password}`);
      await new Promise(setImmediate);
    }
    return order;
  };
  return { auth, checks, ask, settle };
}

test('credentials that were right are not checked again, also after a reload that leaves their hash alone', async () => {
  const { auth, checks, ask, settle } = held({ scraper: 'hash of right' });
  const first = ask('scraper', 'right');
  await settle();
  expect(await first).toBe('ok');
  auth.configure(
    new Map([
      ['other', 'hash of x'],
      ['scraper', 'hash of right'],
    ]),
  );
  expect(await ask('scraper', 'right')).toBe('ok');
  expect(checks).toEqual([]);
});

test('a changed hash discards known credentials, and checks against the old one', async () => {
  const { auth, ask, settle } = held({ scraper: 'hash of right' });
  const during = ask('scraper', 'right');
  auth.configure(new Map([['scraper', 'hash of new']]));
  await settle();
  expect(await during).toBe('refused');
  auth.configure(new Map([['scraper', 'hash of right']]));
  const known = ask('scraper', 'right');
  await settle();
  expect(await known).toBe('ok');
  for (const users of [new Map([['scraper', 'hash of new']]), new Map([['other', 'hash of right']])]) {
    auth.configure(users);
    const after = ask('scraper', 'right');
    await settle();
    expect(await after).toBe('refused');
  }
});

test('an unknown user costs one check against the hash of a known one, always the same one per name', async () => {
  const { checks, ask, settle } = held({ a: 'hash of 1', b: 'hash of 2', c: 'hash of 3' });
  const costOf = async (user: string): Promise<string | undefined> => {
    const verdict = ask(user, 'guess');
    const hash = checks[0]?.hash;
    await settle();
    expect(await verdict).toBe('refused');
    return hash;
  };
  expect([await costOf('a'), await costOf('b')]).toEqual(['hash of 1', 'hash of 2']);
  const hashes = new Set<string | undefined>();
  for (let n = 0; n < 100; n++) {
    const hash = await costOf(`unknown ${n}`);
    expect(await costOf(`unknown ${n}`)).toBe(hash);
    hashes.add(hash);
  }
  expect([...hashes].sort()).toEqual(['hash of 1', 'hash of 2', 'hash of 3']);
});

test('an unknown user is rejected, even with the right password of another user', async () => {
  const { ask, settle } = held({ a: 'hash of right' });
  const verdict = ask('nobody', 'right');
  await settle();
  expect(await verdict).toBe('refused');
});

test('an address that floods delays only itself: a client elsewhere is next', async () => {
  const { ask, settle } = held({ scraper: 'hash of right' });
  const guesses = Array.from({ length: 300 }, (_, n) => ask('scraper', `guess ${n}`, 'flood'));
  const right = ask('scraper', 'right', 'prometheus');
  const order = await settle();
  expect(await right).toBe('ok');
  expect(order.indexOf('right')).toBeLessThanOrEqual(2);
  const verdicts = await Promise.all(guesses);
  expect(verdicts.filter((verdict) => verdict === 'refused')).toHaveLength(257);
  expect(verdicts.filter((verdict) => verdict === 'busy')).toHaveLength(43);
});

test('many addresses that flood do not keep another out of the queue', async () => {
  const { ask, settle } = held({ scraper: 'hash of right' });
  for (let n = 0; n < 2_000; n++) void ask('nobody', `guess ${n}`, `flood ${n % 10}`);
  const right = ask('scraper', 'right', 'prometheus');
  await settle();
  expect(await right).toBe('ok');
});

test('fifty clients at once, from one address or as many, leave the right password its turn', async () => {
  for (const addressOf of [() => 'proxy', (n: number) => `flood ${n}`]) {
    const { ask, settle } = held({ scraper: 'hash of right' });
    const guesses = Array.from({ length: 50 }, (_, n) => ask('nobody', `guess ${n}`, addressOf(n)));
    const right = ask('scraper', 'right', addressOf(50));
    expect(await settle()).toHaveLength(51);
    expect(await right).toBe('ok');
    expect(new Set(await Promise.all(guesses))).toEqual(new Set(['refused']));
  }
});

test('clients that ask and leave take no place from one that waits', async () => {
  const { ask, settle } = held({ scraper: 'hash of right' });
  const right = ask('scraper', 'right', 'prometheus');
  for (let n = 0; n < 5_000; n++) void ask('nobody', `guess ${n}`, `flood ${n}`, () => true);
  expect(await settle()).toEqual(['right']);
  expect(await right).toBe('ok');
});

test('requests with the same credentials share one check, and a client that left costs nothing', async () => {
  const { ask, settle } = held({ scraper: 'hash of right' });
  const asked = [ask('scraper', 'right'), ask('scraper', 'right')];
  void ask('scraper', 'guess', 'b', () => true);
  expect(await settle()).toEqual(['right']);
  expect(await Promise.all(asked)).toEqual(['ok', 'ok']);
});

test('a check that fails admits no client and blocks no other check', async () => {
  const auth = new BasicAuth(new Map([['a', 'x']]), () => Promise.reject(new Error('thread lost')));
  const client = { id: 'a', isGone: () => false };
  expect(await auth.verdict(header('a', 'b'), client)).toBe('refused');
  expect(await auth.verdict(header('a', 'b'), client)).toBe('refused');
});
