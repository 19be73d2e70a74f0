import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectOptions, connect } from '../../libvirt/client/connect.ts';
import { restartLibvirtd } from './lab/daemon.ts';
import { BOOTED } from './lab/guests.ts';
import { makePki, type Pki } from './lab/pki.ts';
import { run } from './lab/run.ts';
import { configureSasl } from './lab/sasl.ts';
import { type Sshd, startSshd } from './lab/sshd.ts';

const TLS_PORT = 26_514;
const TCP_PORT = 26_509;
const account = { username: 'virtune', password: 'open sesame, = ok' };
const listening = { listen_addr: '127.0.0.1', tls_port: String(TLS_PORT), tcp_port: String(TCP_PORT) };

/** Finds the guest and reads its XML, which fills more than one packet. */
async function finds(uri: string, options: ConnectOptions = {}): Promise<string> {
  const connection = await connect(uri, options);
  try {
    const { domain } = await connection.call('domainLookupByName', { name: BOOTED });
    await connection.call('domainGetXmlDesc', { domain, flags: 0 });
    return domain.name;
  } finally {
    await connection.close();
  }
}

afterAll(() => restartLibvirtd());

describe('TLS to a real libvirtd', () => {
  let pki: Pki;
  const uri = (folder: string, host = 'localhost'): string =>
    `qemu+tls://${host}:${TLS_PORT}/system?pkipath=${folder}`;
  beforeAll(async () => {
    pki = makePki();
    await restartLibvirtd({ ...listening, ...pki.daemon, listen_tls: 1, auth_tls: 'none' });
  });

  test('a client with a certificate of the right CA is let in', async () => {
    expect(await finds(uri(pki.client))).toBe(BOOTED);
    expect(await finds(uri(pki.client), { readOnly: false })).toBe(BOOTED);
  });

  test('a client with a certificate of another CA is refused, and the error names the file', async () => {
    await expect(finds(uri(pki.stranger))).rejects.toMatchObject({ code: 'LIBVIRT_TLS' });
  });

  test('a daemon whose certificate names another host is not trusted, unless that was asked for', async () => {
    await expect(finds(uri(pki.client, '127.0.0.1'))).rejects.toMatchObject({ code: 'LIBVIRT_TLS' });
    expect(await finds(`${uri(pki.client, '127.0.0.1')}&no_verify=1`)).toBe(BOOTED);
  });

  test('a daemon whose certificate the CA has revoked is not trusted, as virsh does not trust it', async () => {
    await expect(finds(uri(pki.wary))).rejects.toThrow(
      `certificate revoked (certificate revocation list ${pki.wary}`,
    );
    expect(() => run('virsh', ['-c', uri(pki.client), 'uri'])).not.toThrow();
    expect(() => run('virsh', ['-c', uri(pki.wary), 'uri'])).toThrow('revoked');
  });

  test('without certificates the error names the file that is missing', async () => {
    await expect(finds(uri('/nowhere'))).rejects.toThrow('/nowhere/cacert.pem');
  });
});

describe.each([['SCRAM-SHA-256'], ['PLAIN']])('SASL %s with a real libvirtd', (mechanism) => {
  let pki: Pki;
  let restore: () => void;
  beforeAll(async () => {
    pki = makePki();
    restore = configureSasl([mechanism], account);
    await restartLibvirtd({
      ...listening,
      ...pki.daemon,
      listen_tls: 1,
      listen_tcp: 1,
      auth_tls: 'sasl',
      auth_tcp: 'sasl',
      auth_unix_rw: 'sasl',
    });
  });
  afterAll(() => restore());
  const tls = (): string => `qemu+tls://localhost:${TLS_PORT}/system?pkipath=${pki.client}`;

  test('the right password is let in, over the local socket and over TLS', async () => {
    expect(await finds('qemu:///system', { readOnly: false, credentials: account })).toBe(BOOTED);
    expect(await finds(tls(), { credentials: account })).toBe(BOOTED);
  });

  test('a wrong password and no password are refused', async () => {
    const wrong = { credentials: { ...account, password: 'wrong' } };
    await expect(finds(tls(), wrong)).rejects.toMatchObject({ code: 'LIBVIRT_AUTH_FAILED' });
    await expect(finds(tls())).rejects.toMatchObject({ code: 'LIBVIRT_AUTH_NO_CREDENTIALS' });
  });

  test('over clear TCP no password is sent', async () => {
    await expect(
      finds(`qemu+tcp://127.0.0.1:${TCP_PORT}/system`, { credentials: account }),
    ).rejects.toMatchObject({
      name: 'AuthError',
    });
  });
});

describe('ssh to a real sshd', () => {
  let sshd: Sshd;
  const uri = (more: string): string =>
    `qemu+ssh://root@127.0.0.1:${sshd.port}/system?keyfile=${sshd.keyFile}&no_verify=1&known_hosts=/dev/null${more}`;
  beforeAll(async () => {
    await restartLibvirtd();
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  test.each([
    ['virt-ssh-helper', '&proxy=native'],
    ['netcat', '&proxy=netcat'],
    ['whichever is there', ''],
  ])('%s carries the protocol', async (_what, more) => {
    expect(await finds(uri(more))).toBe(BOOTED);
    expect(await finds(uri(more), { readOnly: false })).toBe(BOOTED);
  });

  test('a named socket is reached through netcat', async () => {
    expect(await finds(uri('&socket=/run/libvirt/libvirt-sock'))).toBe(BOOTED);
  });

  test('a key that is not let in is an error in the words of ssh', async () => {
    const stranger = uri('').replace(sshd.keyFile, '/nowhere/key');
    await expect(finds(stranger)).rejects.toMatchObject({
      code: 'LIBVIRT_SSH',
      message: expect.stringContaining('denied'),
    });
  });
});
