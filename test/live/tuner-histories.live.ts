import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TransactionOutcome } from '../../tuner/apply/transaction.ts';
import { ProfileLibrary } from '../../tuner/profile/library.ts';
import { type Figures, History, type HistoryHost, type Picture } from '../tuner/histories/history.ts';
import { type OwnProfile, ownProfiles, writeProfiles } from '../tuner/histories/own-profiles.ts';
import { type HistoryStep, histories } from '../tuner/histories/step.ts';
import { User } from '../tuner/histories/user.ts';
import { TunedGuest } from './lab/tuned-guest.ts';
import { virsh } from './lab/virsh.ts';
import { virshAll } from './lab/virsh-batch.ts';

/** `.ci/nightly` plays 20, and 20 on a newer libvirt. */
const RUNS = Number(process.env['VIRTUNE_LIVE_HISTORIES'] ?? 3);
/** Replays a failure, by the seed and the path that it printed. */
const SEED = process.env['VIRTUNE_SEED'];
const PATH = process.env['VIRTUNE_PATH'];
/** Prints each step, to investigate a failure. */
const LOG = process.env['VIRTUNE_HISTORY_LOG'] !== undefined;
/** A step restarts guests, or kills a process that does. */
const HISTORY_MS = 180_000;
const POOL = '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages';

/** Prefixes of statistics that must be at least 1 in a run of this many histories, or the run shows too little. */
const ENOUGH_RUNS = 20;
const KINDS = [
  'applied live',
  'applied with a restart',
  'profiles changed',
  'applied over what another user did',
  'two at once',
  'plans refused as old',
  'plans made again (--force)',
  'rollbacks of the newest',
  'rollbacks of an older one',
  'killed in the middle of a change',
  'recovered: ',
];
const TRANSACTIONS_MEAN = 4;

const guests = ['history-a', 'history-b', 'history-c'].map((name) => new TunedGuest(name));
const [wide, , off] = guests;
/** All built-in profiles except one that locks memory: in a container libvirt may not raise that limit. */
const builtIn = (await ProfileLibrary.open([])).places
  .map(({ name }) => name)
  .filter((name) => name !== 'low-latency');
const OWN = ['own-a', 'own-b', 'own-c', 'own-d', 'own-e', 'own-f'];
const figures: Figures = {};
let pool: string;
beforeAll(() => {
  pool = readFileSync(POOL, 'utf8').trim();
});
afterAll(() => {
  for (const guest of guests) guest.remove();
  writeFileSync(POOL, pool);
  console.log(virsh('version').match(/library: (.*)/)?.[1]);
  console.table(figures);
});

/** Guests that run paused: they cost nothing, and are back in a second. One has two vCPUs, and one is shut off. */
class LiveHistoryHost implements HistoryHost {
  readonly uri = 'qemu:///system';
  readonly restart = { shutdownMs: 1_000, settleMs: 50, forceOff: true };
  readonly folder = mkdtempSync(join(tmpdir(), 'virtune-history-'));
  readonly users: readonly User[];

  constructor(profiles: Readonly<Record<string, OwnProfile>>) {
    const own = join(this.folder, 'profiles');
    writeProfiles(own, profiles);
    this.users = [0, 1].map(
      (user) => new User(this.uri, join(this.folder, `user-${user}`), this.restart, [own]),
    );
    for (const guest of guests) {
      guest.create('', ['sda']);
      // libvirt 9.0 reorders controllers when it first parses its own output, so this happens before the history.
      guest.define(guest === wide ? guest.inactive : guest.inactive.replace(/(?<=<vcpu[^>]*>)2/, '1'));
      virsh('destroy', guest.name);
      if (guest !== off) virsh('start', guest.name, '--paused');
    }
  }

  onStep(step: HistoryStep, standing: readonly string[]): void {
    if (!LOG) return;
    const pages = readFileSync(POOL, 'utf8').trim();
    console.log(
      `${new Date().toISOString()} ${JSON.stringify(step)}\n  pool ${pages}; ${standing.join(', ')}`,
    );
  }

  /**
   * Failures that no plan can foresee: the kernel finds no huge pages, or libvirt in a container may not raise the
   * limit of locked memory, which it does for a VM with a hard_limit.
   */
  mayRefuse(failure: TransactionOutcome['failure']): boolean {
    return /its memory is in use or fragmented|cannot limit locked memory/.test(failure?.message ?? '');
  }

  picture(): Picture {
    const names = guests.map(({ name }) => name);
    const asked = names.flatMap((name) => [
      ['domstate', name],
      ['dumpxml', '--inactive', '--security-info', name],
    ]);
    const answers = virshAll(asked);
    const states = new Map(names.map((name, index) => [name, (answers[2 * index] ?? '').trim()]));
    return {
      definitions: Object.fromEntries(names.map((name, index) => [name, answers[2 * index + 1] ?? ''])),
      runs: Object.fromEntries(
        guests.map((guest) => {
          const state = states.get(guest.name);
          return [guest.name, state === 'shut off' ? state : { state, ...runOf(guest) }];
        }),
      ),
      host: readFileSync(POOL, 'utf8'),
    };
  }

  async reboot(name: string): Promise<void> {
    if (virsh('domstate', name).trim() === 'shut off') return;
    virsh('destroy', name);
    virsh('start', name, '--paused');
  }

  remove(): void {
    for (const guest of guests) guest.remove();
    rmSync(this.folder, { recursive: true });
  }
}

/** All tunable settings of a running guest, as virsh, QEMU and the kernel report them. */
function runOf(guest: TunedGuest): Record<string, unknown> {
  const { name } = guest;
  const qom = (path: string, property: string): string[] => [
    'qemu-monitor-command',
    name,
    JSON.stringify({ execute: 'qom-get', arguments: { path, property } }),
  ];
  const questions = {
    vcpus: ['vcpupin', name],
    emulator: ['emulatorpin', name],
    ioThreads: ['iothreadinfo', name],
    scheduler: ['schedinfo', name],
    memory: ['memtune', name],
    numa: ['numatune', name],
    blkio: ['blkiotune', name],
    ...Object.fromEntries(['vda', 'vdb', 'sda'].map((disk) => [disk, ['blkdeviotune', name, disk]])),
    balloon: ['qemu-monitor-command', name, '{"execute":"query-balloon"}'],
    period: qom('/machine/peripheral/balloon0', 'guest-stats-polling-interval'),
    stats: ['domstats', '--iothread', name],
  };
  const answers = virshAll(Object.values(questions)).map(withoutIds);
  const said = Object.fromEntries(Object.keys(questions).map((key, index) => [key, answers[index]]));
  const ids = [...(said['ioThreads'] ?? '').matchAll(/^\s*(\d+)\s/gm)].map(
    ([, id]) => `/objects/iothread${id}`,
  );
  const pools = virshAll(
    ids.flatMap((path) => [qom(path, 'thread-pool-min'), qom(path, 'thread-pool-max')]),
  ).map(withoutIds);
  return {
    ...said,
    pools,
    affinity: guest.affinity,
    groups: GROUPS.map(([controller, file, inner]) => guest.cgroup(controller, file, inner)),
  };
}

/** QEMU's monitor numbers its replies. */
const withoutIds = (answer: string): string => answer.replace(/,"id":"libvirt-\d+"/, '');

const GROUPS = [
  ['cpu', 'cpu.shares', ''],
  ...['', 'vcpu0', 'vcpu1', 'emulator', 'iothread1'].map(
    (inner) => ['cpu', 'cpu.cfs_quota_us', inner] as const,
  ),
  ['memory', 'memory.limit_in_bytes', ''],
  ['blkio', 'blkio.bfq.weight', ''],
] as const;

/** Whether libvirt can start a VM with a hard_limit: it raises QEMU's memlock limit, which a container may forbid. */
function limitsLockedMemory(): boolean {
  const guest = new TunedGuest('history-limit');
  try {
    guest.create("<memtune><hard_limit unit='GiB'>2</hard_limit></memtune>");
    return true;
  } catch (error) {
    if (String(error).includes('cannot limit locked memory')) return false;
    throw error;
  } finally {
    guest.remove();
  }
}

interface Played {
  readonly profiles: Readonly<Record<string, OwnProfile>>;
  readonly steps: HistoryStep[];
}

const played = (): fc.Arbitrary<Played> =>
  fc.record({
    profiles: ownProfiles(OWN, limitsLockedMemory() ? [] : ['memory.hardLimit']),
    steps: histories({
      names: guests.map(({ name }) => name),
      // Most built-in profiles need more CPUs than the smallest host has.
      profiles: [...OWN, ...OWN, ...OWN, ...builtIn],
      picks: 2,
      kills: ['child'],
      isSlow: true,
      points: 40,
      minLength: 9,
      length: 12,
      flags: fc.record({
        hostCpus: fc.constantFrom(undefined, '', '', '', '', '0'),
        allowRatio: fc.constantFrom(undefined, 20),
        canary: fc.constantFrom(undefined, undefined, 1),
        batch: fc.constantFrom(undefined, undefined, 1),
      }),
      force: fc.boolean(),
    }),
  });

test('on real guests too, after any history of two users and killed processes no state is dangerous, and a rollback restores everything exactly', {
  timeout: 60_000 + RUNS * HISTORY_MS,
}, async () => {
  await fc.assert(
    fc.asyncProperty(played(), async ({ profiles, steps }) => {
      const host = new LiveHistoryHost(profiles);
      try {
        await new History(host, host.users, figures).play(steps);
      } catch (error) {
        console.log(JSON.stringify({ profiles, steps }));
        throw error;
      } finally {
        host.remove();
      }
    }),
    {
      numRuns: RUNS,
      endOnFailure: true,
      ...(SEED !== undefined && { seed: Number(SEED) }),
      ...(PATH !== undefined && { path: PATH }),
    },
  );
  expect(figures['histories']).toBe(RUNS);
  if (RUNS < ENOUGH_RUNS) return;
  const seen = Object.keys(figures);
  expect(KINDS.filter((kind) => !seen.some((name) => name.startsWith(kind)))).toEqual([]);
  expect((figures['transactions'] ?? 0) / RUNS).toBeGreaterThanOrEqual(TRANSACTIONS_MEAN);
});
