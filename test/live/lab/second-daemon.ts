import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAB_DIR } from './paths.ts';
import { run, succeeds, until } from './run.ts';

const PORT = 26_610;

export interface SecondDaemon {
  /** For virsh, from the first host. */
  readonly uri: string;
  stop(): Promise<void>;
}

/**
 * Another host on this machine, to migrate to: a libvirtd with separate folders for its sockets, its domains and its
 * networks, and a different host UUID.
 */
export async function startSecondLibvirtd(): Promise<SecondDaemon> {
  const at = (name: string): string => join(LAB_DIR, 'second', name);
  mkdirSync(at(''), { recursive: true });
  const settings = {
    listen_tls: 0,
    listen_tcp: 1,
    listen_addr: '127.0.0.1',
    tcp_port: String(PORT),
    auth_tcp: 'none',
    host_uuid: '00000000-1111-2222-3333-444444444444',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
  writeFileSync(at('libvirtd.conf'), lines.join(''));
  // No separate virtlogd, and do not remember ownership of files that the first daemon has changed.
  writeFileSync(at('qemu.conf'), 'stdio_handler = "file"\nremember_owner = 0\n');
  const hidden = ['/run/libvirt', '/var/lib/libvirt/qemu', '/var/cache/libvirt', '/etc/libvirt/qemu'];
  const script = [
    'set -e',
    ...hidden.map((folder) => `mount -t tmpfs tmpfs ${folder}`),
    `mount --bind ${at('qemu.conf')} /etc/libvirt/qemu.conf`,
    `exec libvirtd -l -f ${at('libvirtd.conf')} -p ${at('pid')}`,
  ].join('\n');
  const child = spawn('unshare', ['--mount', 'sh', '-c', script], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const uri = `qemu+tcp://127.0.0.1:${PORT}/system`;
  await until('the second libvirtd to answer', 60_000, () => succeeds('virsh', ['-c', uri, 'version']));
  return {
    uri,
    stop: async () => {
      for (const name of run('virsh', ['-q', '-c', uri, 'list', '--name']).split('\n').filter(Boolean)) {
        succeeds('virsh', ['-c', uri, 'destroy', name]);
      }
      process.kill(Number(readFileSync(at('pid'), 'utf8').trim()));
      await ended;
    },
  };
}
