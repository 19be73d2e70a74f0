import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { LAB_DIR } from './paths.ts';
import { run, until } from './run.ts';

export interface Sshd {
  readonly port: number;
  /** The private key that root may log in with. */
  readonly keyFile: string;
  stop(): void;
}

/** Starts an sshd on loopback with separate keys; the machine's is not changed. */
export async function startSshd(port = 22_522): Promise<Sshd> {
  const at = (name: string): string => join(LAB_DIR, 'ssh', name);
  rmSync(at(''), { recursive: true, force: true });
  mkdirSync(at(''), { recursive: true, mode: 0o700 });
  mkdirSync('/run/sshd', { recursive: true });
  for (const key of ['host', 'user']) run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
  writeFileSync(
    at('config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('user.pub')}`,
      `PidFile ${at('pid')}`,
      'StrictModes no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'UsePAM no',
      '',
    ].join('\n'),
  );
  run('/usr/sbin/sshd', ['-f', at('config')]);
  await until('sshd to listen', 10_000, () => listens(port));
  return {
    port,
    keyFile: at('user'),
    stop: () => {
      process.kill(Number(readFileSync(at('pid'), 'utf8').trim()));
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
