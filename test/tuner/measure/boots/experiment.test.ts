import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyLocked } from '../../../../tuner/apply/apply.ts';
import type { RunOptions } from '../../../../tuner/apply/host-session.ts';
import { recoverLocked } from '../../../../tuner/apply/recover.ts';
import type { Transaction } from '../../../../tuner/apply/transaction.ts';
import { type BootExperiment, bootTrialOf } from '../../../../tuner/measure/boots/experiment.ts';
import type { BootReport } from '../../../../tuner/measure/boots/report.ts';
import { type BootSchedule, makeBootSchedule } from '../../../../tuner/measure/boots/schedule.ts';
import { readMeasured } from '../../../../tuner/measure/describe.ts';
import type { Figure, Sample } from '../../../../tuner/measure/figure.ts';
import { normals, seededRandom } from '../../../../tuner/measure/random.ts';
import type { Arm } from '../../../../tuner/measure/schedule.ts';
import { type FakeDomain, FakeLibvirt, HOSTNAME } from '../../apply/fake-libvirt.ts';
import {
  ALL_POINTS_MS,
  define,
  held,
  options,
  pages,
  picture,
  recovery,
  restart,
  shares,
  stateDir,
  transaction,
  transactions,
  UUIDS,
} from '../../apply/fixtures.ts';
import { killStride } from '../../kill-stride.ts';

const LATENCY: Figure = { name: 'latency', kind: 'gauge', direction: 'lower is better' };
const OTHER: Figure = {
  name: 'latency of "web"',
  kind: 'gauge',
  direction: 'lower is better',
  guard: { ratio: 1.5, difference: 1, stretches: 2 },
};

/** A VM whose latency changes by a ratio while it runs with 2,048 shares, on a host with varying load. */
class World {
  readonly libvirt = new FakeLibvirt();
  readonly domain: FakeDomain;
  readonly before: unknown;
  readonly #random = normals(seededRandom(11));
  readonly #ratio: number;
  nowMs = 0;
  /** Number of boots: the baseline's, and one per restart. */
  boots = 0;
  /** Settings of each boot, as its first sample found them. */
  readonly seen: string[] = [];
  onSample: () => void = () => undefined;

  constructor(ratio: number) {
    this.#ratio = ratio;
    this.domain = this.libvirt.add('db01', UUIDS[0]);
    this.before = picture(this.libvirt);
  }

  get isOn(): boolean {
    return this.domain.run?.xml.includes('<shares>2048</shares>') === true;
  }

  planned(): Transaction {
    const { domain } = this;
    // First a pool, and last a live setting that no definition can hold.
    return transaction([domain], [pages(20), define(domain, 2_048), restart(domain), shares(domain, 3_000)]);
  }

  sample = async (): Promise<Sample> => {
    this.onSample();
    const { run } = this.domain;
    if (this.seen.length <= this.boots) {
      this.seen.push(`${this.isOn ? 'on' : 'off'} ${run?.shares}`);
    }
    // The same for all VMs of the host.
    const shock = 1 + 0.5 * Math.sin(this.boots);
    const noisy = (level: number) => level * Math.exp(0.03 * this.#random());
    return new Map([
      ['latency', { run: run?.id, value: noisy(20 * shock * (this.isOn ? this.#ratio : 1)) }],
      [OTHER.name, { run: 1, value: noisy(20 * shock) }],
    ]);
  };

  experiment(more: Partial<BootExperiment> = {}): BootExperiment {
    return {
      primary: LATENCY,
      secondary: [],
      covariates: [],
      guards: [],
      controlsOf: () => [OTHER],
      criterion: { margin: 1.05 },
      schedule: scheduleOf(['off', 'on', 'on', 'off', 'off', 'on', 'off', 'on']),
      baselineMs: 60_000,
      everyMs: 5_000,
      sample: this.sample,
      keepIf: 'better',
      clock: {
        nowMs: () => this.nowMs,
        wait: async (ms) => {
          this.nowMs += ms;
        },
      },
      onBlock: () => {
        this.boots += 1;
      },
      ...more,
    };
  }

  async apply(more: Partial<BootExperiment> = {}, run: Partial<RunOptions> = {}, planned = this.planned()) {
    const trial = bootTrialOf(this.experiment(more));
    const outcome = await applyLocked(await held(), planned, options(this.libvirt, run), trial);
    const [record] = await transactions();
    return { outcome, record, report: record?.progress.measured as BootReport | undefined };
  }

  get starts(): number {
    return this.libvirt.calls.filter((call) => call === 'domainCreateWithFlags').length;
  }
}

function scheduleOf(arms: readonly Arm[]): BootSchedule {
  const design = { restarts: arms.length, blockMs: 60_000, settleMs: 15_000 };
  return { ...makeBootSchedule(design, 5), arms };
}

const forget = (): Promise<void> => rm(join(stateDir(), 'transactions'), { recursive: true, force: true });

test('the VM is restarted by the schedule, with all of the settings or none, and kept as it runs where that is better', async () => {
  const world = new World(0.7);
  const { outcome, record, report } = await world.apply();
  expect(outcome).toMatchObject({ kind: 'committed', failure: undefined, remains: [] });
  expect(world.seen).toEqual([
    'off 1024',
    ...['off 1024', 'on 3000', 'on 3000', 'off 1024', 'off 1024', 'on 3000', 'off 1024', 'on 3000'],
  ]);
  // The last boot has the settings, so no further restart is needed.
  expect(world.starts).toBe(8);
  expect(world.isOn).toBe(true);
  expect(world.domain.run?.shares).toBe(3_000);
  expect(record?.progress.status).toBe('committed');
  expect(report).toMatchObject({
    format: 1,
    kind: 'restarts',
    seed: 5,
    design: { restarts: 8, blockMs: 60_000, settleMs: 15_000 },
    primary: {
      judgement: { verdict: 'better' },
      effect: { off: 4, on: 4, comparedWith: [OTHER.name], moved: false, p: 2 / 70 },
      lost: [],
    },
  });
  expect(report?.primary.effect?.effect).toBeCloseTo(0.7, 1);
  const { text = [] } = readMeasured(report) ?? {};
  expect(text[0]).toMatch(/^better: latency -\d+\.\d % \(95 % interval -\d+\.\d % to -\d+\.\d %\)$/);
  expect(text).toContain(
    '8 restarts, 4 with the settings, drawn at random; the smallest possible p-value is 2.9 %',
  );
  expect(text.join('\n')).toContain('corrected by the change of 1 other VM in the same time');
});

test('where the last boot was without them, keeping the settings takes one restart more', async () => {
  const world = new World(0.7);
  const schedule = scheduleOf(['on', 'off', 'on', 'off', 'on', 'on', 'off', 'off']);
  const { outcome } = await world.apply({ schedule });
  expect(outcome.kind).toBe('committed');
  expect(world.starts).toBe(9);
  expect(world.isOn).toBe(true);
  expect(world.domain.run?.shares).toBe(3_000);
});

test('what does not help is undone, with a restart only where the last boot had the settings', async () => {
  for (const [last, starts] of [
    ['on', 9],
    ['off', 8],
  ] as const) {
    const world = new World(1);
    const first = last === 'on' ? 'off' : 'on';
    const { outcome, record } = await world.apply({
      schedule: scheduleOf([first, 'on', 'off', 'on', 'off', 'on', 'off', last]),
    });
    expect(outcome).toMatchObject({ kind: 'undone', remains: [], failure: { code: 'TUNE_MEASURE' } });
    expect(outcome.failure?.message).toContain('not kept, since "latency" had to be better');
    expect(picture(world.libvirt)).toEqual(world.before);
    expect(world.starts).toBe(starts);
    expect(record?.progress.status).toBe('undone');
    await forget();
  }
});

test('one restart is before and after: never decided, and kept only if that was asked for', async () => {
  const schedule = scheduleOf(['on']);
  const world = new World(0.5);
  const { outcome, report } = await world.apply({ schedule });
  expect(outcome.kind).toBe('undone');
  expect(report?.blocks.map(({ arm }) => arm)).toEqual(['off', 'on']);
  expect(report?.primary.judgement).toMatchObject({ verdict: 'inconclusive', notWorse: false });
  const { text = [] } = readMeasured(report) ?? {};
  expect(text[0]).toContain('with 2 boots the smallest possible p-value is 100 %, so it may be chance');
  expect(text[1]).toContain('before and after one restart: not an experiment');
  expect(picture(world.libvirt)).toEqual(world.before);
  await forget();
  const kept = new World(0.5);
  expect((await kept.apply({ schedule, keepIf: 'always' })).outcome.kind).toBe('committed');
  expect(kept.starts).toBe(1);
});

test('another VM that is clearly worse after several restarts with the settings ends it, and it is undone', async () => {
  const world = new World(0.7);
  const sample = async (): Promise<Sample> => {
    const sampled = new Map(await world.sample());
    if (world.isOn) sampled.set(OTHER.name, { run: 1, value: 90 + (world.nowMs % 7) });
    return sampled;
  };
  const { outcome } = await world.apply({ sample, guards: [OTHER], baselineMs: 600_000 });
  expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
  expect(outcome.failure?.message).toBe('latency of "web" is clearly worse with the setting');
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a VM that is shut down, or restarted by another user, while it is measured ends it, and nothing is left behind', async () => {
  for (const end of ['shut down', 'restarted'] as const) {
    const world = new World(0.7);
    let isOver = false;
    let samples = 0;
    world.onSample = () => {
      if (world.boots !== 3 || isOver || samples++ === 0) return;
      isOver = true;
      if (end === 'shut down') world.domain.run = undefined;
      else world.libvirt.start(world.domain, false);
    };
    const { outcome, report } = await world.apply();
    expect(outcome).toMatchObject({ kind: 'undone', remains: [], failure: { code: 'TUNE_MEASURE' } });
    expect(outcome.failure?.message).toMatch(
      /^the VM (stopped running|was restarted) after restart 3 of 8, settings on/,
    );
    expect(report?.ended).toBe(outcome.failure?.message);
    expect(world.domain.definition).toBe((world.planned().domains[0] as { inactive?: string }).inactive);
    expect(world.isOn).toBe(false);
    await forget();
  }
});

test('a guest that reboots while it is measured ends it, and one that does while it settles does not', async () => {
  let reboots = 0;
  const world = new World(0.7);
  world.onSample = () => {
    if (world.boots >= 2) reboots += 1;
  };
  const { outcome } = await world.apply({ reboots: () => reboots });
  expect(outcome.failure?.message).toBe('the guest rebooted after restart 2 of 8, settings on');
  await forget();
  const calm = new World(0.7);
  let times = 0;
  const settling = new Map<number, number>();
  calm.onSample = () => {
    const samples = (settling.get(calm.boots) ?? 0) + 1;
    settling.set(calm.boots, samples);
    if (samples === 1 && calm.boots > 0) times += 1;
  };
  expect((await calm.apply({ reboots: () => times })).outcome.kind).toBe('committed');
});

test('a guest that does not shut down ends it, and keeps running as it was', async () => {
  const world = new World(0.7);
  world.domain.obeys = false;
  const { outcome } = await world.apply();
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_RESTART' }, remains: [] });
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('settings that do not start end it, and the VM runs as before', async () => {
  const world = new World(0.7);
  world.libvirt.refusesToStart = (definition) =>
    definition.includes('<shares>2048</shares>') ? 'cannot allocate memory' : undefined;
  const { outcome } = await world.apply();
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_RESTART' }, remains: [] });
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a plan that waits for no boot is refused, and nothing is restarted', async () => {
  const world = new World(0.7);
  const { outcome } = await world.apply({}, {}, transaction([world.domain], [shares(world.domain, 2_048)]));
  expect(outcome.failure).toMatchObject({
    code: 'TUNE_MEASURE',
    message: expect.stringContaining('this plan restarts no VM'),
  });
  expect(world.starts).toBe(0);
});

const frozen: (() => void)[] = [];

/** Runs it until it has passed this many points with a write or a change, and suspends it there for good. */
async function cutAt(point: number, world: World): Promise<string | undefined> {
  let at = 0;
  return new Promise((resolve) => {
    const trace: RunOptions['trace'] = ({ when, what }) => {
      if (!/^journal|^domain(Set|Define|Shutdown|Destroy|Create)|^nodeAlloc/.test(what) || at++ !== point)
        return undefined;
      resolve(`${when} ${what}`);
      return new Promise<void>((goOn) => frozen.push(goOn));
    };
    const schedule = scheduleOf(['off', 'on', 'on', 'off', 'off', 'on']);
    void world.apply({ schedule, keepIf: 'always' }, { trace }).then(() => resolve(undefined));
  });
}

test(
  'after kill -9 at any point of the restarts, recover leaves the VM running on the definition that it had',
  async () => {
    let points = 0;
    for (; ; points += killStride(4)) {
      const world = new World(0.7);
      const where = await cutAt(points, world);
      if (where === undefined) break;
      const at = `point ${points}, ${where}, restart ${world.boots}`;
      const outcomes = await recoverLocked(await held(), HOSTNAME, recovery(world.libvirt));
      const committed = (await transactions())[0]?.progress.status === 'committed';
      if (outcomes.length > 0) expect(outcomes, at).toMatchObject([{ kind: 'undone', remains: [] }]);
      if (!committed) expect(picture(world.libvirt), at).toEqual(world.before);
      await forget();
    }
    expect(points).toBeGreaterThan(80);
  },
  ALL_POINTS_MS,
);
