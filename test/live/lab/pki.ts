import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAB_DIR } from './paths.ts';
import { run } from './run.ts';

export interface Pki {
  /** For `?pkipath=`: a client that the daemon accepts. */
  readonly client: string;
  /** A client with the right CA and a certificate from another issuer. */
  readonly stranger: string;
  /** That of `client`, with a list by which the CA has revoked the daemon's certificate. */
  readonly wary: string;
  readonly daemon: { readonly ca_file: string; readonly cert_file: string; readonly key_file: string };
}

/** Creates a CA, the daemon's certificate for localhost, and the folders of two clients. */
export function makePki(): Pki {
  const at = (name: string): string => join(LAB_DIR, 'pki', name);
  for (const folder of ['client', 'stranger', 'wary']) mkdirSync(at(folder), { recursive: true });
  for (const ca of ['ca', 'other-ca']) {
    run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=virtune lab ${ca}`,
      '-keyout',
      at(`${ca}.key`),
      '-out',
      at(`${ca}.pem`),
    ]);
  }
  const issue = (ca: string, name: string, certificate: string, key: string, extensions: string): void => {
    writeFileSync(at('extensions'), extensions);
    run('openssl', [
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      key,
      '-out',
      at('request'),
    ]);
    run('openssl', [
      'x509',
      '-req',
      '-in',
      at('request'),
      '-CA',
      at(`${ca}.pem`),
      '-CAkey',
      at(`${ca}.key`),
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      at('extensions'),
      '-out',
      certificate,
    ]);
  };
  issue(
    'ca',
    'localhost',
    at('server.pem'),
    at('server.key'),
    'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n',
  );
  for (const [folder, ca] of [
    ['client', 'ca'],
    ['stranger', 'other-ca'],
  ] as const) {
    issue(
      ca,
      folder,
      at(`${folder}/clientcert.pem`),
      at(`${folder}/clientkey.pem`),
      'extendedKeyUsage=clientAuth\n',
    );
    run('cp', [at('ca.pem'), at(`${folder}/cacert.pem`)]);
  }
  for (const file of ['cacert.pem', 'clientcert.pem', 'clientkey.pem'])
    run('cp', [at(`client/${file}`), at(`wary/${file}`)]);
  revoke(at, 'server.pem', 'wary/cacrl.pem');
  return {
    client: at('client'),
    stranger: at('stranger'),
    wary: at('wary'),
    daemon: { ca_file: at('ca.pem'), cert_file: at('server.pem'), key_file: at('server.key') },
  };
}

/** Writes a list by which the CA revokes one certificate. */
function revoke(at: (name: string) => string, certificate: string, list: string): void {
  writeFileSync(
    at('ca.cnf'),
    `[ca]\ndefault_ca = lab\n[lab]\ndatabase = ${at('index')}\ncrlnumber = ${at('crl-number')}\ndefault_md = sha256\ndefault_crl_days = 2\n`,
  );
  writeFileSync(at('index'), '');
  writeFileSync(at('crl-number'), '01\n');
  const ca = ['ca', '-config', at('ca.cnf'), '-cert', at('ca.pem'), '-keyfile', at('ca.key')];
  run('openssl', [...ca, '-revoke', at(certificate)]);
  run('openssl', [...ca, '-gencrl', '-out', at(list)]);
}
