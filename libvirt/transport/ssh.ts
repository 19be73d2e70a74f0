import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { ConnectError, UriError } from '../errors.ts';
import { type ConnectionUri, isSet } from '../uri.ts';
import { streamTransport, type Transport } from './transport.ts';

const STDERR_MAX_BYTES = 4_096;
const DEFAULT_SOCKET = '/var/run/libvirt/libvirt-sock';

/** Characters allowed in an argument of ssh, and in a command that the remote shell parses. */
const SAFE = /^[A-Za-z0-9_./:@=,+~%?&[\]-]+$/;
const SAFE_SHELL = /^[A-Za-z0-9_./:@=,+?&-]+$/;

function safe(what: string, value: string, allowed = SAFE): string {
  if (!allowed.test(value) || value.startsWith('-')) {
    throw new UriError(
      `${what} ${JSON.stringify(value.slice(0, 200))} contains a character that is not allowed over ssh`,
    );
  }
  return value;
}

/**
 * The remote command: virt-ssh-helper, which finds the right socket itself, if installed, else netcat to libvirtd's
 * socket. A named socket requires netcat, a session URI the helper.
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

/** ssh's arguments as an array, so that no local shell parses them. */
export function sshArguments(uri: ConnectionUri, readOnly: boolean): string[] {
  const knownHosts = uri.params.get('known_hosts');
  const keyFile = uri.params.get('keyfile');
  return [
    ...(uri.port === undefined ? [] : ['-p', String(uri.port)]),
    ...(uri.user === undefined ? [] : ['-l', safe('the user', uri.user)]),
    ...(keyFile === undefined ? [] : ['-i', safe('keyfile', keyFile)]),
    ...(knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${safe('known_hosts', knownHosts)}`]),
    ...(isSet(uri, 'no_verify') ? ['-o', 'StrictHostKeyChecking=no'] : []),
    // Always: a daemon has no user to type a password, and would hang at the prompt.
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

/** RPC over stdin and stdout of the system's ssh. Why it failed is known only once it exits. */
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
    isConfidential: true,
    explain: () =>
      stderr.trim() === ''
        ? undefined
        : new ConnectError('LIBVIRT_SSH', `${description} reported: ${printable(stderr.trim())}`),
  });
}

/** Starts a command; its streams buffer its output until it is read. */
async function start(command: string, args: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
  try {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    // Out of memory, spawn() throws; out of descriptors, there are no streams, and the error comes as an event.
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

/** @param error why a command could not be started */
export function startText(command: string, { code, message }: NodeJS.ErrnoException): string {
  const next =
    code === 'EAGAIN'
      ? "there are too many processes: raise TasksMax= of virtune's unit, or the limit of its user (ulimit -u)"
      : code === 'EMFILE' || code === 'ENFILE'
        ? "there are too many open files: raise LimitNOFILE= of virtune's unit, or the limit of its user (ulimit -n)"
        : code === 'ENOMEM'
          ? 'the host is out of memory'
          : `check that ${command} is installed and can be executed`;
  return `${message}; ${next}`;
}

/** Makes remote output safe for a message: no control characters. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
