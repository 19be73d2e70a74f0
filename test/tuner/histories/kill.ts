import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../../libvirt/client/connect.ts';
import type { Connection } from '../../../libvirt/client/connection.ts';
import { ErrorCode, SecretUsage } from '../../../libvirt/constants.ts';
import { isRemoteError } from '../../../libvirt/errors.ts';
import type { Point } from '../../../tuner/journal/journal.ts';
import { LEASE_USAGE, leaseXml, readLease } from '../../../tuner/lock/lease-record.ts';
import type { RestartLimits } from '../../../tuner/steps/step-host.ts';
import { type Job, perform } from './job.ts';
import type { Doomed } from './killed-child.ts';
import type { Kill } from './step.ts';
import type { User } from './user.ts';

const CHILD = join(import.meta.dirname, 'killed-child.ts');

/**
 * Performs the job in a separate process, which is killed at that point. Returns the point, or the outcome if it ended
 * before. `records`: only counts points before a record of the journal.
 */
export async function killedChild(
  { uri, stateDir }: User,
  restart: RestartLimits,
  job: Job,
  { at: killAt, onceBegun = false, records = false }: Kill & { readonly records?: boolean },
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-doomed-'));
  const file = join(folder, 'job.json');
  const doomed: Doomed = { uri, stateDir, restart, job, killAt, onceBegun, records };
  writeFileSync(file, JSON.stringify(doomed));
  const child = spawn(process.execPath, [CHILD, file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  await once(child, 'close');
  rmSync(folder, { recursive: true });
  return said.trim();
}

/** Suspended runs; their files stay open until the end of the test. */
export class Abandoned {
  readonly #ends: (() => Promise<unknown>)[] = [];

  /** Lets them end, once their effects are no longer observed. */
  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end();
  }

  /**
   * Performs the job in this process, and leaves it at that point in the state of a killed process: its connections are
   * closed, its flock(2) is released, and its lease names a PID that no longer exists. Separate processes are a hundred
   * times as slow.
   *
   * `killAt`: number of the point, or the first one with that name, such as `before nodeAllocPages`. `elsewhere`: its
   * lease is from another machine, so that it cannot be checked here whether it is dead. `counts`: which points are
   * counted; absent: all.
   */
  async at(
    user: User,
    job: Job,
    killAt: number | string,
    elsewhere: boolean,
    counts: (point: Point) => boolean = () => true,
  ): Promise<string> {
    const connections: Connection[] = [];
    const died = Promise.withResolvers<string>();
    const hung = Promise.withResolvers<void>();
    let isDead = false;
    let at = 0;
    const run = perform(
      job,
      user.options({
        open: async (uri) => {
          if (isDead) await hung.promise;
          const connection = await connect(uri, { readOnly: false });
          connections.push(connection);
          return connection;
        },
        trace: (point) => {
          const name = `${point.when} ${point.what}`;
          if (!isDead && (!counts(point) || (at++ !== killAt && name !== killAt))) return undefined;
          isDead = true;
          died.resolve(name);
          return hung.promise;
        },
      }),
    ).then(
      (outcomes) => `ended: ${outcomes.map(({ kind }) => kind).join(', ')}`,
      (error: Error) => {
        if (!isDead) throw error;
        return 'killed';
      },
    );
    const where = await Promise.race([died.promise, run]);
    if (!isDead) return where;
    for (const connection of connections) await connection.close();
    unlock(user.stateDir);
    await disown(user.uri, elsewhere);
    this.#ends.push(() => {
      hung.reject(new Error('this run was killed'));
      return run;
    });
    return where;
  }
}

/** Unlocks as the kernel does when a process exits. flock(2) belongs to the open file, which flock(1) shares here. */
function unlock(stateDir: string): void {
  for (const fd of readdirSync('/proc/self/fd')) {
    let path = '';
    try {
      path = readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The descriptor with which the folder was read.
    }
    if (!path.startsWith(join(stateDir, 'locks'))) continue;
    const { status } = spawnSync('flock', ['-u', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', Number(fd)],
    });
    if (status !== 0) throw new Error(`flock -u of ${path} ended with ${status}`);
  }
}

/** Makes the lease that of a process that has exited, here or on a machine where this cannot be checked. */
async function disown(uri: string, elsewhere: boolean): Promise<void> {
  const connection = await connect(uri, { readOnly: false });
  try {
    const of = { usageType: SecretUsage.tls, usageId: LEASE_USAGE };
    const { secret } = await connection.call('secretLookupByUsage', of);
    const { xml } = await connection.call('secretGetXmlDesc', { secret, flags: 0 });
    const { record } = readLease(xml);
    if (record?.process === undefined) throw new Error(`the lease names no process: ${xml}`);
    const process = elsewhere
      ? { ...record.process, where: 'another machine' }
      : { ...record.process, pid: spawnSync('true').pid };
    const changed = leaseXml(secret.uuid, { ...record, process });
    await connection.call('secretDefineXml', { xml: changed, flags: 0 });
  } catch (error) {
    if (!isRemoteError(error, ErrorCode.noSecret)) throw error;
  } finally {
    await connection.close();
  }
}
