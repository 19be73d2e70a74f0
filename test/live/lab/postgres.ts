import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, succeeds, until } from './run.ts';

const VERSIONS = '/usr/lib/postgresql';
const PORT = '5499';

/** Debian's PostgreSQL, with the tables of pgbench, on a private socket. */
export class Postgres {
  readonly #folder: string;
  readonly #bin: string;
  readonly #server: ChildProcess;

  static async start(): Promise<Postgres> {
    if (!existsSync(VERSIONS)) {
      run('apt-get', ['update', '-q']);
      run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'postgresql', 'postgresql-contrib']);
    }
    const version = readdirSync(VERSIONS)
      .toSorted((one, other) => Number(one) - Number(other))
      .at(-1);
    const postgres = new Postgres(join(VERSIONS, version ?? '', 'bin'));
    await postgres.#ready();
    return postgres;
  }

  private constructor(bin: string) {
    this.#bin = bin;
    this.#folder = mkdtempSync(join(tmpdir(), 'virtune-postgres-'));
    chmodSync(this.#folder, 0o755);
    run('chown', ['postgres', this.#folder]);
    const data = join(this.#folder, 'data');
    this.#as('initdb', '-D', data, '-A', 'trust', '-N', '--no-locale');
    const settings = ['listen_addresses=', `unix_socket_directories=${this.#folder}`, 'fsync=off'];
    this.#server = spawn(
      'setpriv',
      [
        ...['--reuid=postgres', '--regid=postgres', '--clear-groups', join(bin, 'postgres')],
        ...['-D', data, '-p', PORT, ...settings.flatMap((each) => ['-c', each])],
      ],
      { stdio: 'ignore' },
    );
  }

  #as(program: string, ...args: readonly string[]): string {
    const user = ['--reuid=postgres', '--regid=postgres', '--clear-groups'];
    return run('setpriv', [...user, join(this.#bin, program), ...args], { cwd: this.#folder });
  }

  async #ready(): Promise<void> {
    const isReady = () => succeeds(join(this.#bin, 'pg_isready'), ['-h', this.#folder, '-p', PORT]);
    await until('PostgreSQL to accept connections', 60_000, isReady);
    this.#as('pgbench', ...this.#where, '-i', '-q', '-s', '2', 'postgres');
  }

  get #where(): string[] {
    return ['-h', this.#folder, '-p', PORT, '-U', 'postgres'];
  }

  /** PID of the server, the parent of all of its processes: each connection is one. */
  get pid(): number {
    return this.#server.pid ?? 0;
  }

  /** A shell command that prints transactions per second, measured over this time; for --probe. */
  probe(seconds: number): string {
    const pgbench = [join(this.#bin, 'pgbench'), ...this.#where];
    return `${pgbench.join(' ')} -n -S -c 2 -T ${seconds} postgres | awk '/^tps/ { print $3 }'`;
  }

  async stop(): Promise<void> {
    const ended = once(this.#server, 'close');
    this.#server.kill('SIGQUIT');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
