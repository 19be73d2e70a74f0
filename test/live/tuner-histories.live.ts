import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProfileLibrary } from '../../tuner/profile/library.ts';
import { type Figures, History, type HistoryHost, type Picture } from '../tuner/histories/history.ts';
import { histories } from '../tuner/histories/step.ts';
import { User } from '../tuner/histories/user.ts';
import { TunedGuest } from './lab/tuned-guest.ts';
import { virsh } from './lab/virsh.ts';

/** `.ci/nightly` plays 20, and 20 on a newer libvirt. */
const RUNS = Number(process.env['VIRTUNE_LIVE_HISTORIES'] ?? 3);
const SEED = process.env['VIRTUNE_SEED'];
/** A step restarts guests, or kills a process that does. */
const HISTORY_MS = 180_000;
const POOL = '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages';

const guests = ['history-a', 'history-b'].map((name) => new TunedGuest(name));
/** All but one that locks memory: in a container libvirt may not raise that limit, and the guest would not start. */
const profiles = ProfileLibrary.open([])
  .places.map(({ name }) => name)
  .filter((name) => name !== 'low-latency');
const figures: Figures = {};
let pool: string;
beforeAll(() => {
  pool = readFileSync(POOL, 'utf8').trim();
});
afterAll(() => {
  for (const guest of guests) guest.remove();
  writeFileSync(POOL, pool);
  console.log(`${virsh('version').match(/library: (.*)/)?.[1]}: ${JSON.stringify(figures)}`);
});

/** Two guests that run paused: they cost nothing, and are back in a second. */
class LiveHistoryHost implements HistoryHost {
  readonly uri = 'qemu:///system';
  readonly mayRefuse = true;
  readonly restart = { shutdownMs: 1_000, settleMs: 50, forceOff: true };
  readonly folder = mkdtempSync(join(tmpdir(), 'virtune-history-'));
  readonly users = [0, 1].map(
    (user) => new User(this.uri, join(this.folder, `user-${user}`), this.restart, 1_000),
  );

  constructor() {
    for (const [index, guest] of guests.entries()) {
      guest.create();
      // One vCPU finds a place of its own on the smallest machine. libvirt 9.0 sorts controllers when it reads for the
      // first time what it has printed, so it does that before the history.
      guest.define(index === 0 ? guest.inactive : guest.inactive.replace(/(?<=<vcpu[^>]*>)2/, '1'));
      this.#start(guest);
    }
  }

  picture(): Picture {
    return {
      definitions: Object.fromEntries(guests.map((guest) => [guest.name, guest.inactive])),
      runs: Object.fromEntries(
        guests.map((guest) => {
          const state = virsh('domstate', guest.name).trim();
          return [guest.name, state === 'shut off' ? state : { state, ...guest.picture() }];
        }),
      ),
      host: readFileSync(POOL, 'utf8'),
    };
  }

  async reboot(name: string): Promise<void> {
    const guest = guests.find((each) => each.name === name);
    if (guest !== undefined && virsh('domstate', name).trim() !== 'shut off') this.#start(guest);
  }

  remove(): void {
    for (const guest of guests) guest.remove();
    rmSync(this.folder, { recursive: true });
  }

  #start({ name }: TunedGuest): void {
    virsh('destroy', name);
    virsh('start', name, '--paused');
  }
}

test('on real guests too, after any history of two users and of killed processes nothing is dangerous, and the way back is to the letter', {
  timeout: 60_000 + RUNS * HISTORY_MS,
}, async () => {
  const shape = {
    names: guests.map(({ name }) => name),
    profiles,
    kills: ['child'] as const,
    points: 150,
    length: 6,
  };
  await fc.assert(
    fc.asyncProperty(histories(shape), async (steps) => {
      const host = new LiveHistoryHost();
      try {
        await new History(host, host.users, figures).play(steps);
      } finally {
        host.remove();
      }
    }),
    { numRuns: RUNS, endOnFailure: true, ...(SEED !== undefined && { seed: Number(SEED) }) },
  );
  expect(figures['histories']).toBe(RUNS);
});
