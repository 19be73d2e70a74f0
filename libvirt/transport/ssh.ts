import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { ConnectError, UriError } from '../errors.ts';
import { type ConnectionUri, isSet } from '../uri.ts';
import { streamTransport, type Transport } from './transport.ts';

const STDERR_MAX_BYTES = 4_096;
const DEFAULT_SOCKET = '/var/run/libvirt/libvirt-sock';

/** What may stand in a command that the far side's shell reads, and in an argument of ssh. */
const SAFE = /^[A-Za-z0-9_./:@=,+~%?&[\]-]+$/;
const SAFE_SHELL = /^[A-Za-z0-9_./:@=,+?&-]+$/;

function safe(what: string, value: string, allowed = SAFE): string {
  if (!allowed.test(value) || value.startsWith('-')) {
    throw new UriError(
      `${what} ${JSON.stringify(value.slice(0, 200))} has a character that is not allowed with ssh`,
    );
  }
  return value;
}

/**
 * The command for the far side: virt-ssh-helper, which finds the right socket itself, where there is one,
 * else netcat on libvirtd's socket. A named socket needs netcat, a session URI the helper.
 */
export function remoteCommand(uri: ConnectionUri, readOnly: boolean): string {
  const name = safe('the URI', uri.remoteName, SAFE_SHELL);
  const netcat = safe('netcat', uri.params.get('netcat') ?? 'nc', SAFE_SHELL);
  const socket = safe(
    'socket',
    uri.params.get('socket') ?? `${DEFAULT_SOCKET}${readOnly ? '-ro' : ''}`,
    SAFE_SHELL,
  );
  const helper = `virt-ssh-helper ${readOnly ? '-r ' : ''}"${name}"`;
  // Only some netcats know -q, and those need it to stop when libvirtd closes.
  const nc = `if ${netcat} -q 2>&1 | grep -q "requires an argument"; then Q=-q0; else Q=; fi; exec ${netcat} $Q -U ${socket}`;
  const proxy = uri.params.get('proxy') ?? 'auto';
  if (uri.params.has('socket') || proxy === 'netcat') return `sh -c '${nc}'`;
  if (proxy === 'native' || uri.path === '/session') return `sh -c 'exec ${helper}'`;
  return `sh -c 'if command -v virt-ssh-helper >/dev/null 2>&1; then exec ${helper}; else ${nc}; fi'`;
}

/** ssh's arguments, as an array: no shell of ours ever reads them. */
export function sshArguments(uri: ConnectionUri, readOnly: boolean): string[] {
  const knownHosts = uri.params.get('known_hosts');
  const keyFile = uri.params.get('keyfile');
  return [
    ...(uri.port === undefined ? [] : ['-p', String(uri.port)]),
    ...(uri.user === undefined ? [] : ['-l', safe('the user', uri.user)]),
    ...(keyFile === undefined ? [] : ['-i', safe('keyfile', keyFile)]),
    ...(knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${safe('known_hosts', knownHosts)}`]),
    ...(isSet(uri, 'no_verify') ? ['-o', 'StrictHostKeyChecking=no'] : []),
    // Always: a daemon has nobody who could type a password, and would hang at the question.
    '-o',
    'BatchMode=yes',
    '-T',
    '-e',
    'none',
    '--',
    safe('the host', uri.host as string),
    remoteCommand(uri, readOnly),
  ];
}

/** RPC over the standard streams of the system's ssh. What goes wrong there is known when it ends. */
export async function openSsh(
  uri: ConnectionUri,
  readOnly: boolean,
  signal: AbortSignal,
): Promise<Transport> {
  const description = `ssh to ${uri.host}`;
  signal.throwIfAborted();
  const child = await start(uri.params.get('command') ?? 'ssh', sshArguments(uri, readOnly));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_MAX_BYTES);
  });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  stream.once('close', () => child.kill());
  child.stdin.on('error', () => undefined);
  return streamTransport(stream, {
    description,
    private: true,
    explain: () =>
      stderr.trim() === ''
        ? undefined
        : new ConnectError('LIBVIRT_SSH', `${description} said: ${printable(stderr.trim())}`),
  });
}

/** Its streams keep what it prints until they are read. */
async function start(command: string, args: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
  try {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    // Without memory spawn() throws; without descriptors the process has no streams, and says why in an event, as else.
    await once(child, 'spawn');
    child.on('error', () => undefined);
    return child;
  } catch (error) {
    throw new ConnectError(
      'LIBVIRT_SSH',
      `cannot start ssh: ${startText(command, error as NodeJS.ErrnoException)}`,
      { cause: error },
    );
  }
}

/** @param error of the start of a command */
export function startText(command: string, { code, message }: NodeJS.ErrnoException): string {
  const next =
    code === 'EAGAIN'
      ? "there are too many processes: raise TasksMax= of virtune's unit, or the limit of its user (ulimit -u)"
      : code === 'EMFILE' || code === 'ENFILE'
        ? "there are too many open files: raise LimitNOFILE= of virtune's unit, or the limit of its user (ulimit -n)"
        : code === 'ENOMEM'
          ? 'the host lacks memory'
          : `check that ${command} is installed and can be executed`;
  return `${message}; ${next}`;
}

/** Text of the far side's making, for a message: no control characters. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
