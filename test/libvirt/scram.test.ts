import { expect, test } from 'vitest';
import { scramSha256 } from '../../libvirt/auth/scram.ts';

// The exchange of RFC 7677, section 3.
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_FIRST = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const CLIENT_FINAL = `c=biws,r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';
const user = { username: 'user', password: 'pencil' };

test('the exchange of RFC 7677 is reproduced exactly', async () => {
  const client = scramSha256(user, NONCE);
  expect(Buffer.from(client.first()).toString()).toBe(`n,,n=user,r=${NONCE}`);
  const final = await client.answer(Buffer.from(SERVER_FIRST));
  expect(Buffer.from(final ?? []).toString()).toBe(CLIENT_FINAL);
  expect(client.done).toBe(false);
  expect(await client.answer(Buffer.from(SERVER_FINAL))).toBeUndefined();
  expect(client.done).toBe(true);
});

test.each([
  [
    'a signature of another password',
    [SERVER_FIRST, 'v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='],
    'LIBVIRT_AUTH_SERVER_UNPROVEN',
  ],
  ['no signature', [SERVER_FIRST, 'x=1'], 'LIBVIRT_AUTH_SERVER_UNPROVEN'],
  ['an error from the server', [SERVER_FIRST, 'e=invalid-proof'], 'LIBVIRT_AUTH_FAILED'],
  ['a nonce that is not ours', [SERVER_FIRST.replace(NONCE, 'other')], 'LIBVIRT_AUTH_SERVER_UNPROVEN'],
  [
    'our nonce without a part of the server',
    [`r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    'LIBVIRT_AUTH_SERVER_UNPROVEN',
  ],
  ['too few iterations', [SERVER_FIRST.replace('4096', '1')], 'LIBVIRT_AUTH_SERVER_UNPROVEN'],
  ['iterations to burn our CPU', [SERVER_FIRST.replace('4096', '999999999')], 'LIBVIRT_AUTH_SERVER_UNPROVEN'],
])('a server with %s is not trusted', async (_what, messages, code) => {
  const client = scramSha256(user, NONCE);
  const exchange = async (): Promise<void> => {
    for (const message of messages) await client.answer(Buffer.from(message));
  };
  await expect(exchange()).rejects.toMatchObject({ code });
  expect(client.done).toBe(false);
});

test('a user name with the characters of the grammar is escaped', () => {
  expect(Buffer.from(scramSha256({ username: 'a=b,c', password: '' }, 'n').first()).toString()).toBe(
    'n,,n=a=3Db=2Cc,r=n',
  );
});
