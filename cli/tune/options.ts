import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { durationOption } from '../duration-option.ts';

export const UP_TO_A_DAY = { maxSeconds: 86_400 };

/** Options of every `virtune tune` command. */
export interface TuneFlags {
  readonly connect: string;
  readonly stateDir: string;
  readonly profiles: readonly string[];
  readonly json?: boolean | undefined;
  /** Seconds. */
  readonly timeout?: number | undefined;
}

/** For root under /var/lib, for other users according to the XDG base directories (basedir-spec 0.8). */
function defaultStateDir(env: NodeJS.ProcessEnv, uid: number | undefined): string {
  if (uid === 0) return '/var/lib/virtune/tuner';
  return join(env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state'), 'virtune/tuner');
}

/** Folders with custom profiles; a profile in a later folder overrides one of the same name in an earlier folder. */
export function defaultProfileDirs(env: NodeJS.ProcessEnv): string[] {
  return [
    '/etc/virtune/profiles',
    join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'virtune/profiles'),
  ];
}

export function addTuneOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-c, --connect <uri>', 'libvirt URI to connect to')
        .env('LIBVIRT_DEFAULT_URI')
        .default('qemu:///system'),
    )
    .addOption(
      new Option('--state-dir <dir>', 'folder of the journal')
        .env('VIRTUNE_STATE_DIR')
        // Help shows the same text to every user.
        .default(
          defaultStateDir(process.env, process.getuid?.()),
          'as root /var/lib/virtune/tuner, else ~/.local/state/virtune/tuner',
        ),
    )
    .option('--profiles <dir...>', 'additional folders with profiles', [])
    .addOption(
      durationOption(
        '--timeout',
        'time limit for one libvirt call (default: 30s for reads, 60s for changes)',
        UP_TO_A_DAY,
      ),
    )
    .option('--json', 'print JSON');
}

/** Approximate number of sequential calls that a connection takes (libvirt/client/connect.ts). */
const CALLS_TO_CONNECT = 6;

/** Connect timeout, ms; undefined for the default, 10 s, which may be too short on a busy host. */
export function connectTimeoutMs({ timeout }: Pick<TuneFlags, 'timeout'>): number | undefined {
  return timeout === undefined ? undefined : timeout * 1_000 * CALLS_TO_CONNECT;
}

/** Additional options of commands that change something. */
export function addRunOptions(command: Command): Command {
  return command
    .addOption(
      durationOption('--wait', 'time to wait for another run on the same host', {
        ...UP_TO_A_DAY,
        defaultSeconds: 0,
      }),
    )
    .addOption(
      durationOption('--shutdown-timeout', 'time limit for a guest to shut down', {
        ...UP_TO_A_DAY,
        defaultSeconds: 120,
      }),
    )
    .addOption(
      durationOption('--settle', 'time that a started guest has to stay up', {
        ...UP_TO_A_DAY,
        defaultSeconds: 5,
      }),
    )
    .option('--force-off', 'power off a guest that does not shut down in time')
    .option('--trace', 'log each libvirt call and each journal entry');
}

export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100_000) {
    throw new InvalidArgumentError('Expected a whole number from 1.');
  }
  return value;
}
