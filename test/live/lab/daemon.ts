import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { LAB_DIR } from './paths.ts';
import { run, succeeds, until } from './run.ts';

const SOCKET = '/run/libvirt/libvirt-sock';
const PID_FILE = '/run/libvirtd.pid';
const LOG_SOCKET = '/run/libvirt/virtlogd-sock';
const LOG_PID_FILE = '/run/virtlogd.pid';

/** Settings of libvirtd.conf, by name: strings are quoted, numbers are not. */
export type DaemonSettings = Readonly<Record<string, string | number>>;

function alive(pidFile: string, program: string): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8').trim());
  return isAlive(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program ? pid : undefined;
}

/** A zombie that its parent has not reaped yet counts as dead. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

export function libvirtdPid(): number | undefined {
  return alive(PID_FILE, 'libvirtd');
}

/** Must be mounted before libvirtd starts: otherwise it refuses guests with huge pages until it is restarted. */
function mountHugepages(): void {
  mkdirSync('/dev/hugepages', { recursive: true });
  const mounted = readFileSync('/proc/mounts', 'utf8').includes(' /dev/hugepages hugetlbfs ');
  if (!mounted) run('mount', ['-t', 'hugetlbfs', 'hugetlbfs', '/dev/hugepages']);
}

/** Starts virtlogd and libvirtd without systemd, and waits until libvirtd answers. */
export async function startLibvirtd(settings: DaemonSettings = {}): Promise<void> {
  if (libvirtdPid() === undefined) {
    mountHugepages();
    await startVirtlogd();
    rmSync(PID_FILE, { force: true });
    mkdirSync(LAB_DIR, { recursive: true });
    const config = `${LAB_DIR}/libvirtd.conf`;
    const lines = Object.entries({
      unix_sock_ro_perms: '0777',
      auth_unix_ro: 'none',
      auth_unix_rw: 'none',
      ...settings,
    });
    writeFileSync(config, `${lines.map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join('\n')}\n`);
    const listens = 'listen_tls' in settings || 'listen_tcp' in settings;
    run('libvirtd', ['-d', '-f', config, ...(listens ? ['-l'] : [])]);
  }
  await until('libvirtd to accept connections', 20_000, () => accepts(SOCKET));
  // Seen once on a fresh machine: virtlogd had started, but was gone before the first guest.
  await startVirtlogd();
}

async function startVirtlogd(): Promise<void> {
  await until('virtlogd to accept connections', 20_000, async () => {
    if (await accepts(LOG_SOCKET)) return true;
    if (alive(LOG_PID_FILE, 'virtlogd') === undefined) run('virtlogd', ['-d']);
    return false;
  });
}

/** Like a crash of the daemon: connections break without a close. Guests keep running. */
export async function killLibvirtd(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const pid = libvirtdPid();
  if (pid === undefined) return;
  process.kill(pid, signal);
  await until('libvirtd to be gone', 10_000, () => !isAlive(pid));
}

export async function restartLibvirtd(settings: DaemonSettings = {}): Promise<void> {
  await killLibvirtd('SIGTERM');
  await startLibvirtd(settings);
}

export function stopVirtlogd(): void {
  const pid = alive(LOG_PID_FILE, 'virtlogd');
  if (pid !== undefined) process.kill(pid);
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** libvirt's default network; false where this machine cannot have a bridge. */
export function startDefaultNetwork(): boolean {
  if (run('virsh', ['-q', 'net-list', '--name']).split('\n').includes('default')) return true;
  return succeeds('virsh', ['net-start', 'default']);
}

/** Runs a program of the lab in the background; the returned function ends it. */
export function inBackground(program: string, args: readonly string[]): () => void {
  const child = spawn(program, args, { stdio: 'ignore' });
  return () => {
    child.kill();
  };
}
