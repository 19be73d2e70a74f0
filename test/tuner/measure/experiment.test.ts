import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { applyLocked, applyTransaction } from '../../../tuner/apply/apply.ts';
import { onHost, type RunOptions } from '../../../tuner/apply/host-session.ts';
import { recoverLocked } from '../../../tuner/apply/recover.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import { journalPath } from '../../../tuner/journal/journal.ts';
import { readMeasured } from '../../../tuner/measure/describe.ts';
import { type Experiment, trialOf } from '../../../tuner/measure/experiment.ts';
import type { Figure, Sample } from '../../../tuner/measure/figure.ts';
import { normals, seededRandom } from '../../../tuner/measure/random.ts';
import type { Report } from '../../../tuner/measure/report.ts';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';
import { isKept } from '../../../tuner/measure/trial-result.ts';
import { type FakeDomain, FakeLibvirt, HOSTNAME } from '../apply/fake-libvirt.ts';
import {
  ALL_POINTS_MS,
  define,
  held,
  options,
  picture,
  pin,
  recovery,
  restart,
  shares,
  stateDir,
  stateFolder,
  transaction,
  transactions,
  UUIDS,
} from '../apply/fixtures.ts';
import { fillDisk } from '../journal/full-disk.ts';

const LATENCY: Figure = {
  name: 'latency',
  kind: 'gauge',
  direction: 'lower is better',
  guard: { ratio: 1.5, difference: 1, stretches: 1 },
};
const STEAL: Figure = { name: 'steal', kind: 'gauge', direction: 'lower is better' };

/** A VM whose latency changes by a ratio while it has 2,048 shares, on a clock that only waiting advances. */
class World {
  readonly libvirt = new FakeLibvirt();
  readonly domain: FakeDomain;
  readonly before: unknown;
  readonly #random = normals(seededRandom(11));
  readonly #ratio: number;
  nowMs = 0;
  /** Called before each sample with the number of blocks that have begun. */
  onSample: (block: number) => void = () => undefined;
  block = 0;

  constructor(ratio: number) {
    this.#ratio = ratio;
    this.domain = this.libvirt.add('db01', UUIDS[0]);
    this.before = picture(this.libvirt);
  }

  get isOn(): boolean {
    return this.domain.run?.shares === 2_048;
  }

  planned(): Transaction {
    const { domain } = this;
    return transaction([domain], [pin(domain, 0, '2'), shares(domain, 2_048), define(domain, 2_048)]);
  }

  sample = async (): Promise<Sample> => {
    this.onSample(this.block);
    const run = this.domain.run?.id;
    const noisy = (level: number) => ({ run, value: level * Math.exp(0.03 * this.#random()) });
    return new Map([
      ['latency', noisy(this.isOn ? 20 * this.#ratio : 20)],
      ['steal', noisy(3)],
    ]);
  };

  experiment(more: Partial<Experiment> = {}): Experiment {
    return {
      primary: LATENCY,
      secondary: [STEAL],
      covariates: [],
      guards: [],
      criterion: { margin: 1.05 },
      schedule: makeSchedule({ pairs: 6, blockMs: 60_000, settleMs: 15_000 }, 5),
      baselineMs: 600_000,
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
        this.block += 1;
      },
      ...more,
    };
  }

  async apply(more: Partial<Experiment> = {}, run: Partial<RunOptions> = {}, planned = this.planned()) {
    const trial = trialOf(this.experiment(more));
    const outcome = await applyLocked(await held(), planned, options(this.libvirt, run), trial);
    const [record] = await transactions();
    return { outcome, record, report: record?.progress.measured as Report | undefined };
  }
}

test('what makes the VM better is found, kept and committed, with the report in its journal', async () => {
  const world = new World(0.8);
  const { outcome, record, report } = await world.apply();
  expect(outcome).toMatchObject({ kind: 'committed', remains: [] });
  expect(world.domain.run).toMatchObject({ shares: 2_048, pins: ['2', expect.anything()] });
  expect(world.domain.definition).toContain('<shares>2048</shares>');
  expect(record?.progress.status).toBe('committed');
  expect(report).toMatchObject({
    format: 1,
    seed: 5,
    design: { pairs: 6, blockMs: 60_000, settleMs: 15_000 },
    primary: { name: 'latency', judgement: { verdict: 'better' }, lost: [], p: 2 / 64 },
    secondary: [{ name: 'steal', judgement: { verdict: 'no difference' } }],
  });
  const { low = 1, high = 0, effect = 0 } = report?.primary.effect ?? {};
  expect(effect).toBeCloseTo(0.8, 1);
  expect(low).toBeLessThan(0.8);
  expect(high).toBeGreaterThan(0.8);
});

test('where a sample takes longer than a block, the block goes on until samples cover enough of it', async () => {
  const world = new World(0.8);
  let lateIn = 0;
  const { report } = await world.apply({
    sample: async () => {
      if (lateIn !== world.block) {
        lateIn = world.block;
        world.nowMs += 80_000;
      }
      return world.sample();
    },
  });
  expect(report?.primary).toMatchObject({ judgement: { verdict: 'better' }, lost: [] });
  for (const { measureMs, endMs } of report?.blocks ?? []) {
    expect(endMs - measureMs).toBeGreaterThan(70_000);
    expect(endMs - measureMs).toBeLessThanOrEqual(180_000);
  }
});

test('a figure that becomes absent, at once or within a block, makes no block longer', async () => {
  const world = new World(0.8);
  let [block, samples] = [0, 0];
  const { report } = await world.apply({
    sample: async () => {
      const sample = new Map(await world.sample());
      const { run } = sample.get('latency') ?? { run: undefined };
      if (block !== world.block) [block, samples] = [world.block, 0];
      samples += 1;
      if (block > 0 && samples > (block % 2) * 6)
        sample.set('latency', { run, value: undefined, missing: 'it exited with 7' });
      return sample;
    },
  });
  expect(report?.primary.lost).toHaveLength(6);
  for (const { measureMs, endMs } of report?.blocks ?? []) expect(endMs - measureMs).toBe(60_000);
});

test('each switch is in the journal, in the order of the schedule, before it is made', async () => {
  const world = new World(0.8);
  const happened: string[] = [];
  const { record } = await world.apply(
    {},
    { trace: ({ when, what }) => void happened.push(`${when} ${what}`) },
  );
  const switches = (record?.events ?? []).flatMap((each) =>
    'step' in each && each.step === 1 && (each.event === 'done' || each.event === 'undone')
      ? [each.event === 'done' ? 'on' : 'off']
      : [],
  );
  const { blocks } = world.experiment().schedule;
  const wanted = blocks.flatMap(({ arm }, at) => (arm === (blocks[at - 1]?.arm ?? 'off') ? [] : [arm]));
  if (blocks.at(-1)?.arm === 'off') wanted.push('on');
  expect(switches).toEqual(wanted);
  for (const [at, what] of happened.entries()) {
    if (what !== 'before domainSetSchedulerParametersFlags') continue;
    const announced = happened.slice(0, at).findLast((each) => /journal (doing|undoing) 1$/.test(each));
    expect(announced).toMatch(/^after/);
  }
});

test('the definition and what else waits for a boot are not touched before the verdict', async () => {
  const world = new World(0.8);
  let early = '';
  world.onSample = () => {
    early += world.domain.definition?.includes('<shares>') === true ? 'x' : '';
  };
  await world.apply();
  expect(early).toBe('');
});

test('what changes nothing is undone, with the interval in the reason', async () => {
  const world = new World(1);
  const { outcome, record, report } = await world.apply();
  expect(outcome).toMatchObject({ kind: 'undone', remains: [], failure: { code: 'TUNE_MEASURE' } });
  expect(outcome.failure?.message).toMatch(
    /^no difference larger than [\d.]+ %: latency [+-][\d.]+ % \(95 % interval -[\d.]+ % to \+[\d.]+ %\); not kept, since "latency" had to be better$/,
  );
  expect(picture(world.libvirt)).toEqual(world.before);
  expect(record?.progress.status).toBe('undone');
  expect(report?.primary.judgement.verdict).toBe('no difference');
});

test('what changes nothing stays where that is enough', async () => {
  const world = new World(1);
  expect((await world.apply({ keepIf: 'not-worse' })).outcome.kind).toBe('committed');
  expect(world.isOn).toBe(true);
});

test('only the verdict on the primary figure decides what is kept', () => {
  const of = (verdict: string, notWorse: boolean) =>
    ({ primary: { judgement: { verdict, notWorse } } }) as unknown as Report;
  expect(isKept(of('better', true), 'better')).toBe(true);
  expect(isKept(of('no difference', true), 'better')).toBe(false);
  expect(isKept(of('no difference', true), 'not-worse')).toBe(true);
  expect(isKept(of('inconclusive', false), 'not-worse')).toBe(false);
  expect(isKept(of('worse', false), 'always')).toBe(true);
});

test('a setting that makes it clearly worse ends the experiment in its first block, and is undone', async () => {
  const world = new World(2);
  const { outcome, report } = await world.apply();
  expect(outcome).toMatchObject({
    kind: 'undone',
    failure: { code: 'TUNE_MEASURE', message: 'latency is clearly worse with the setting' },
  });
  const firstOn = world.experiment().schedule.blocks.findIndex(({ arm }) => arm === 'on');
  expect(world.block).toBe(firstOn + 1);
  expect(report).toMatchObject({ ended: 'latency is clearly worse with the setting' });
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a limit ends it after a baseline that is too short for a rule, which the report states', async () => {
  const world = new World(2);
  const limited = { ...LATENCY, guard: { ratio: 9, difference: 9, stretches: 1, limit: 35 } } as const;
  const onGuard = vi.fn();
  const { outcome, report } = await world.apply({ primary: limited, baselineMs: 5_000, onGuard });
  const guard = {
    figures: [{ name: 'latency', missing: 'fewer than 10 values in the baseline', limit: 35 }],
  };
  expect(onGuard).toHaveBeenCalledExactlyOnceWith(guard);
  expect(report).toMatchObject({ guard, baselineMs: 5_000 });
  expect(readMeasured(report)?.text).toContain('so only limits end the experiment early: latency above 35');
  expect(outcome.failure?.message).toBe('latency is beyond its limit of 35 with the setting');
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a figure without a value does not leave the others without a guard', async () => {
  const world = new World(2);
  const { outcome, report } = await world.apply({ guards: [{ ...LATENCY, name: 'absent' }] });
  expect(report?.guard?.figures).toMatchObject([
    { name: 'latency', rule: { windowMs: 5_000 } },
    { name: 'absent', missing: 'no value in the baseline' },
  ]);
  expect(outcome.failure?.message).toBe('latency is clearly worse with the setting');
});

test('another VM that gets worse ends it in the second stretch with the setting', async () => {
  const world = new World(1);
  const sample = async (): Promise<Sample> =>
    new Map([
      ...(await world.sample()),
      ['other', { run: 1, value: (world.isOn ? 40 : 20) + (world.nowMs % 7) }],
    ]);
  const other: Figure = { ...LATENCY, name: 'other', guard: { ratio: 1.5, difference: 1, stretches: 2 } };
  const { outcome, report } = await world.apply({ guards: [other], sample });
  expect(outcome.failure?.message).toBe('other is clearly worse with the setting');
  const arms = report?.blocks.map(({ arm }) => arm) ?? [];
  expect(arms).toContain('on');
  expect(arms.at(-1)).toBe('off');
});

test('a report has the time at which it began, and its blocks after the baseline', async () => {
  const { report } = await new World(0.8).apply({ now: () => new Date('2026-01-02T03:04:05Z') });
  expect(report).toMatchObject({ startedAt: '2026-01-02T03:04:05.000Z', baselineMs: 600_000 });
  expect(report?.blocks[0]).toMatchObject({ startMs: 600_000, measureMs: 615_000, endMs: 675_000 });
});

test.each([
  [
    'has no value',
    undefined,
    'latency has no value in the baseline: the figure is absent: --probe exited with 1',
  ],
  [
    'is always 0',
    0,
    'latency was 0 throughout the baseline, so there is nothing to compare with; measure under load, or let another figure decide (--metric)',
  ],
])('a figure that %s in the baseline ends it before the first switch', async (_what, value, message) => {
  const world = new World(0.8);
  const missing = value === undefined ? '--probe exited with 1' : undefined;
  const sample = async (): Promise<Sample> =>
    new Map([...(await world.sample()), ['latency', { run: world.domain.run?.id, value, missing }]]);
  const { outcome, record, report } = await world.apply({ sample, keepIf: 'always' });
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_MEASURE', message } });
  expect(record?.events.map(({ event }) => event)).not.toContain('doing');
  expect(report).toMatchObject({ ended: message, blocks: [] });
  expect(world.block).toBe(0);
});

test.each([
  [
    'shut down',
    (domain: FakeDomain) => {
      domain.run = undefined;
    },
    /^the VM stopped running in block \d+ of 12, settings (on|off)$/,
  ],
  [
    'restarted',
    (domain: FakeDomain, { libvirt }: World) => libvirt.start(domain, false),
    /^the VM was restarted in block \d+ of 12, settings (on|off)$/,
  ],
])(
  'a VM that is %s in the middle of a block ends it, and nothing is left behind',
  async (_what, end, message) => {
    for (const block of [3, 4]) {
      const world = new World(0.8);
      let isOver = false;
      world.onSample = (begun) => {
        if (begun !== block || isOver) return;
        isOver = true;
        end(world.domain, world);
      };
      const { outcome, record, report } = await world.apply();
      expect(outcome).toMatchObject({ kind: 'undone', remains: [], failure: { code: 'TUNE_MEASURE' } });
      expect(outcome.failure?.message).toMatch(message);
      expect(report?.ended).toBe(outcome.failure?.message);
      expect(world.domain.run?.shares ?? 1_024).toBe(1_024);
      expect(world.domain.definition).toBe((world.planned().domains[0] as { inactive?: string }).inactive);
      expect(record?.progress.status).toBe('undone');
      await forget();
    }
  },
);

test('a VM that migrates away ends it: it has its settings with it, which the reason and a note state', async () => {
  const world = new World(0.8);
  const missing = 'it is no longer on this host: undefined, or migrated with the settings that it had';
  const on = world.experiment().schedule.blocks.findIndex(({ arm }) => arm === 'on') + 1;
  let isAway = false;
  const sample = async (): Promise<Sample> => {
    if (world.block === on) {
      isAway = true;
      world.libvirt.domains.splice(0);
    }
    const sampled = await world.sample();
    return isAway ? new Map([['latency', { run: undefined, value: undefined, missing }]]) : sampled;
  };
  const { outcome, record } = await world.apply({ sample });
  expect(outcome).toMatchObject({
    kind: 'undone',
    remains: [],
    notes: [expect.stringContaining('is no longer on this host')],
  });
  expect(outcome.failure?.message).toMatch(
    /^the VM stopped running in block \d+ of 12, settings on: it is no longer on this host: .* migrated/,
  );
  expect(record?.progress.status).toBe('undone');
});

test('a guest that reboots ends it: its settings are still there, and are undone', async () => {
  const world = new World(0.8);
  const { outcome } = await world.apply({ reboots: () => (world.block >= 5 ? 1 : 0) });
  expect(outcome.failure?.message).toMatch(/^the guest rebooted in block 5 of 12, settings (on|off)$/);
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a second user who applies during an experiment learns who holds the host, and the experiment goes on', async () => {
  const world = new World(0.8);
  const refused: unknown[] = [];
  const sample = async (): Promise<Sample> => {
    if (world.block === 3 && refused.length === 0) {
      refused.push(
        await applyTransaction(world.planned(), options(world.libvirt)).catch((error: unknown) => error),
      );
    }
    return world.sample();
  };
  const planned = world.planned();
  const outcome = await onHost(planned, options(world.libvirt), (host) =>
    applyLocked(host, planned, options(world.libvirt), trialOf(world.experiment({ sample }))),
  );
  expect(refused).toMatchObject([
    { code: 'TUNE_LOCKED', message: expect.stringContaining(`process ${process.pid}`) },
  ]);
  expect(outcome).toMatchObject({ kind: 'committed' });
});

test('a disk that fills up before any line of the journal ends it with the reason, and all is undone', async () => {
  const lines = (await new World(0.8).apply()).record?.events.length ?? 0;
  expect(lines).toBeGreaterThan(20);
  await forget();
  for (let line = 0; line < lines; line++) {
    const world = new World(0.8);
    const planned = world.planned();
    const reserve = `${journalPath(await stateFolder(), planned.id)}.reserve`;
    let written = 0;
    // Full until the reserve is released.
    fillDisk(0, () => written > line && existsSync(reserve));
    const trace = ({ when, what }: { when: string; what: string }): void => {
      if (when === 'before' && what.startsWith('journal ') && what !== 'journal header') written++;
    };
    const { outcome, record } = await world.apply({}, { trace }, planned);
    vi.restoreAllMocks();
    expect(outcome, `line ${line}`).toMatchObject({ kind: 'undone', remains: [] });
    // The last line is the commit itself, after which nothing is written.
    expect(outcome.failure, `line ${line}`).toMatchObject({ code: 'TUNE_JOURNAL' });
    expect(record?.progress, `line ${line}`).toMatchObject({
      status: 'undone',
      failure: { code: 'TUNE_JOURNAL' },
    });
    expect(picture(world.libvirt), `line ${line}`).toEqual(world.before);
    await forget();
  }
});

test('a disk with room for the reason alone keeps that, without the report', async () => {
  const world = new World(1);
  let last = '';
  // The report of many VMs is longer than the space reserved for an undo.
  fillDisk(0, () => last === 'journal failed' && tries++ === 0);
  let tries = 0;
  const trace = ({ when, what }: { when: string; what: string }): void => {
    if (when === 'before') last = what;
  };
  const { outcome, record } = await world.apply({}, { trace });
  vi.restoreAllMocks();
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_MEASURE' } });
  expect(record?.progress).toMatchObject({ status: 'undone', failure: { code: 'TUNE_MEASURE' } });
  expect(record?.progress.measured).toBeUndefined();
});

test('a setting that another user changes in the middle ends it, and stays as that user left it', async () => {
  const world = new World(0.8);
  world.onSample = () => {
    if (world.domain.run?.shares === 2048) world.domain.run.shares = 777;
  };
  const { outcome } = await world.apply();
  expect(outcome).toMatchObject({
    kind: 'incomplete',
    failure: {
      code: 'TUNE_CHANGED',
      message: expect.stringContaining('something else changed a setting during the measurement'),
    },
    remains: [{ step: { kind: 'scheduler' }, message: expect.stringContaining('recover --force') }],
  });
  expect(world.domain.run?.shares).toBe(777);
  const [undone] = await recoverLocked(await held(), HOSTNAME, recovery(world.libvirt, { force: true }));
  expect(undone?.kind).toBe('undone');
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a libvirt that goes away in the middle, and comes back, ends it; everything is undone', async () => {
  const world = new World(0.8);
  world.onSample = (begun) => {
    if (begun === 5 && !world.libvirt.away) {
      world.libvirt.away = true;
      setTimeout(() => {
        world.libvirt.away = false;
      }, 5);
    }
  };
  const { outcome } = await world.apply({}, { reconnectMs: 10_000 });
  expect(outcome).toMatchObject({ kind: 'undone', remains: [] });
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a signal ends it, and everything is undone', async () => {
  const world = new World(0.8);
  const stop = new AbortController();
  world.onSample = (begun) => {
    if (begun === 4) stop.abort();
  };
  const { outcome } = await world.apply({}, { signal: stop.signal });
  expect(outcome).toMatchObject({ kind: 'undone', failure: { code: 'TUNE_STOPPED' } });
  expect(picture(world.libvirt)).toEqual(world.before);
});

test('a plan without anything to switch is refused, and undone', async () => {
  const world = new World(0.8);
  const { domain } = world;
  const planned = transaction([domain], [define(domain, 2_048), restart(domain)]);
  const { outcome } = await world.apply({}, {}, planned);
  expect(outcome.failure).toMatchObject({
    code: 'TUNE_MEASURE',
    message: expect.stringContaining('nothing in this plan changes a running VM'),
  });
  expect(picture(world.libvirt)).toEqual(world.before);
});

const frozen: (() => void)[] = [];

/** Runs it until it has passed this many points with a write or a change, and suspends it there for good. */
async function cutAt(point: number, world: World): Promise<boolean> {
  let at = 0;
  return new Promise((resolve) => {
    const trace: RunOptions['trace'] = ({ what }) => {
      if (!/^journal|^domain(Pin|Set|Define)/.test(what) || at++ !== point) return undefined;
      resolve(true);
      return new Promise<void>((goOn) => frozen.push(goOn));
    };
    void world.apply({}, { trace }).then(() => resolve(false));
  });
}

const forget = (): Promise<void> => rm(join(stateDir(), 'transactions'), { recursive: true, force: true });

test(
  'after kill -9 at any switch, recover restores the host exactly',
  async () => {
    let points = 0;
    for (; ; points++) {
      const world = new World(0.8);
      if (!(await cutAt(points, world))) break;
      const outcomes = await recoverLocked(await held(), HOSTNAME, recovery(world.libvirt));
      const committed = (await transactions())[0]?.progress.status === 'committed';
      if (outcomes.length > 0) expect(outcomes).toMatchObject([{ kind: 'undone', remains: [] }]);
      if (!committed) expect(picture(world.libvirt), `point ${points}`).toEqual(world.before);
      await forget();
    }
    // About eight switches of two steps, with four lines each.
    expect(points).toBeGreaterThan(100);
  },
  ALL_POINTS_MS,
);
