import { expect, test } from 'vitest';
import { checkEffects } from '../../../tuner/drift/check-effects.ts';
import { describeEffect, type EffectCheck, effectJson } from '../../../tuner/drift/describe-effect.ts';
import {
  compareEffect,
  type MeasuredEffect,
  measuredEffects,
} from '../../../tuner/drift/measured-effects.ts';
import { recordedEffects } from '../../../tuner/drift/recorded-effects.ts';
import type { TransactionRecord } from '../../../tuner/journal/list.ts';
import { HOST_FIGURES, keyOf } from '../../../tuner/measure/host-figures.ts';
import { normals, seededRandom } from '../../../tuner/measure/random.ts';

const LATENCY = 'libvirt_domain_disk_request_latency_seconds';
const figure = HOST_FIGURES.find(({ name }) => name === LATENCY);
const OFF = [20, 21, 19, 20, 22, 20];
const ON = [15, 16, 15, 14, 15, 16];
const EFFECT: MeasuredEffect = {
  transaction: 't1',
  domain: { uuid: 'u1', name: 'db' },
  figure,
  name: LATENCY,
  off: OFF,
  on: ON,
  blockMs: 60_000,
};

interface Made {
  readonly uuid?: string;
  readonly verdict?: string;
  readonly status?: string;
  readonly hostname?: string;
  readonly name?: string;
  readonly kind?: 'restore';
}

function record(id: string, made: Made = {}): TransactionRecord {
  const { uuid = 'u1', verdict, status = 'committed', hostname = 'kvm1', name = LATENCY, kind } = made;
  const blocks = OFF.flatMap((_, pair) => [
    { pair, arm: 'off', startMs: 0, measureMs: 0, endMs: 1 },
    { pair, arm: 'on', startMs: 0, measureMs: 0, endMs: 1 },
  ]);
  const measured = {
    format: 1,
    startedAt: '',
    baselineMs: 1,
    margin: 1.05,
    seed: 1,
    design: { pairs: 6, blockMs: 60_000, settleMs: 15_000 },
    blocks,
    text: [],
    primary: { name, blocks: OFF.flatMap((off, at) => [off, ON[at] ?? 0]), judgement: { verdict } },
    secondary: [],
    others: [],
  };
  return {
    id,
    header: { hostname, kind, domains: [{ domain: { uuid, name: 'db' } }] },
    progress: { status, measured: verdict === undefined ? undefined : measured },
  } as unknown as TransactionRecord;
}

test('an effect counts where the newest committed transaction of the VM is an experiment that was better', () => {
  const found = (...records: readonly TransactionRecord[]): string[] =>
    measuredEffects(records, 'kvm1').map(({ transaction }) => transaction);
  expect(measuredEffects([record('t1', { verdict: 'better' })], 'kvm1')).toEqual([EFFECT]);
  expect(found(record('t2', { status: 'undone' }), record('t1', { verdict: 'better' }))).toEqual(['t1']);
  // The settings of a later transaction are in effect, and their effect was never measured.
  expect(found(record('t2'), record('t1', { verdict: 'better' }))).toEqual([]);
  expect(found(record('t2', { uuid: 'u2' }), record('t1', { verdict: 'better' }))).toEqual(['t1']);
  // The same settings, restored by watch.
  expect(found(record('t2', { kind: 'restore' }), record('t1', { verdict: 'better' }))).toEqual(['t1']);
  expect(found(record('t1', { verdict: 'better', status: 'rolled back' }))).toEqual([]);
  expect(found(record('t1', { verdict: 'no difference' }))).toEqual([]);
  expect(found(record('t1', { verdict: 'better', hostname: 'kvm2' }))).toEqual([]);
});

test('an effect has faded when less than half is left, beyond chance', () => {
  expect(compareEffect(EFFECT, [15, 15, 16, 14])).toMatchObject({ isFaded: false, level: 15 });
  const gone = compareEffect(EFFECT, [20, 21, 20, 19]);
  expect(gone).toMatchObject({ isFaded: true, level: 20 });
  expect(gone.left).toBeCloseTo(0.064, 2);
  // 10 blocks in groups of 4 and 6: one in 210 orders is as extreme.
  expect(gone.p).toBeCloseTo(1 / 210, 2);
  // One bad block is not a faded effect, though most of it is gone on average.
  expect(compareEffect(EFFECT, [15, 15, 15, 50])).toMatchObject({ isFaded: false });
  // Significantly worse, but more than half of the effect is left.
  expect(compareEffect(EFFECT, [16.5, 16.6, 16.7, 16.8]).isFaded).toBe(false);
});

test('where higher is better, a fall back is a faded effect', () => {
  const higher = { off: ON, on: OFF };
  expect(compareEffect(higher, [15, 15, 16, 14]).isFaded).toBe(true);
  expect(compareEffect(higher, [20, 21, 20, 22]).isFaded).toBe(false);
});

test('false warnings are as rare as stated where nothing has changed', () => {
  const normal = normals(seededRandom(4));
  const some = (level: number, count: number): number[] =>
    Array.from({ length: count }, () => level + normal());
  const faded = Array.from({ length: 300 }, () =>
    compareEffect({ off: some(10.5, 6), on: some(10, 6) }, some(10, 8)),
  ).filter(({ isFaded }) => isFaded);
  expect(faded.length).toBeLessThan(25);
});

const EVERY_MS = 5_000;

async function checked(
  latencyNow: number | undefined,
  effect: MeasuredEffect = EFFECT,
  forMs = 300_000,
): Promise<EffectCheck> {
  let nowMs = 0;
  let [requests, seconds] = [0, 0];
  const [check] = await checkEffects([effect], {
    sample: async () => {
      requests += 100;
      seconds += 100 * (latencyNow ?? 0);
      const counters = { value: seconds, per: requests };
      const reading = { run: 1, ...(latencyNow === undefined ? { value: undefined } : counters) };
      return figure === undefined ? new Map() : new Map([[keyOf('u1', figure), reading]]);
    },
    everyMs: EVERY_MS,
    forMs,
    clock: {
      nowMs: () => nowMs,
      wait: async (ms) => {
        nowMs += ms;
      },
    },
  });
  if (check === undefined) throw new Error('nothing was checked');
  return check;
}

test('a VM is measured in blocks as long as those of the experiment, and compared', async () => {
  expect(describeEffect(await checked(15))).toBe(
    `db: ${LATENCY} was 20.3 without and 15.2 with the settings (t1), and is 15 now: 103 % of the effect remains`,
  );
  const faded = await checked(20);
  expect(describeEffect(faded)).toMatch(
    /, and is 20 now: the effect has faded, 6 % of the effect remains, p 0\.00\d+; the load may have changed: to find out, roll back and apply again with --measure$/,
  );
  expect(effectJson(faded)).toMatchObject({ faded: true, missing: null, figure: LATENCY, name: 'db' });
});

test('a block that has not ended counts for nothing: with too few of them the measurement was too short', async () => {
  expect(describeEffect(await checked(15, EFFECT, 235_000))).toContain(
    'not compared: 3 of 4 blocks have a value: measure for longer',
  );
  expect(describeEffect(await checked(15, EFFECT, 240_000))).toContain(' of the effect remains');
});

test('a figure without a value, or one of a probe, is not compared, with the reason', async () => {
  expect(describeEffect(await checked(undefined))).toContain(
    'not compared: 0 of 4 blocks have a value: the figure is absent',
  );
  const probe = { ...EFFECT, figure: undefined, name: 'probe' };
  const missing = await checked(15, probe);
  expect(describeEffect(missing)).toContain('not compared: probe is not measured by virtune');
  expect(effectJson(missing)).toMatchObject({ faded: null, now: null, missing: expect.any(String) });
});

test('the exporter gets the last experiment on each VM, kept or undone, with its time and interval', () => {
  const at = (id: string, made: Made, startedAt: string, effect?: object): TransactionRecord => {
    const made_ = record(id, made);
    const measured = made_.progress.measured as { startedAt: string; primary: object };
    measured.startedAt = startedAt;
    measured.primary = { ...measured.primary, ...(effect && { effect }) };
    return made_;
  };
  const found = recordedEffects(
    [
      record('t5', { uuid: 'u1' }),
      at('t4', { uuid: 'u1', verdict: 'worse', status: 'undone' }, '2026-01-02T03:04:05.000Z', {
        scale: 'ratio',
        effect: 1.2,
        low: 1.1,
        high: null,
      }),
      at('t3', { uuid: 'u1', verdict: 'better' }, '2026-01-01T00:00:00.000Z'),
      at('t2', { uuid: 'u2', verdict: 'better', hostname: 'kvm2' }, '2026-01-01T00:00:00.000Z'),
      at('t1', { uuid: 'u3', verdict: 'better' }, '2026-01-01T00:00:00.000Z', {
        scale: 'difference',
        effect: 1.2,
        low: 1.1,
        high: 2,
      }),
    ],
    'kvm1',
  );
  expect([...found]).toEqual([
    [
      'u1',
      {
        figure: LATENCY,
        verdict: 'worse',
        isKept: false,
        measuredAtMs: Date.parse('2026-01-02T03:04:05.001Z'),
        ratio: 1.2,
        low: 1.1,
        high: undefined,
      },
    ],
    [
      'u3',
      {
        figure: LATENCY,
        verdict: 'better',
        isKept: true,
        measuredAtMs: Date.parse('2026-01-01T00:00:00.001Z'),
      },
    ],
  ]);
});

test('the effect of restarts counts every boot, since boots have no pairs', () => {
  const made = record('t1', { verdict: 'better' });
  const measured = made.progress.measured as Record<string, unknown>;
  const arms = ['off', 'on', 'on', 'off'];
  Object.assign(measured, {
    kind: 'restarts',
    design: { restarts: 4, blockMs: 60_000, settleMs: 0 },
    blocks: arms.map((arm, pair) => ({ pair, arm, startMs: 0, measureMs: 0, endMs: 1 })),
    primary: { name: LATENCY, blocks: [20, 10, null, 22], judgement: { verdict: 'better' } },
  });
  expect(measuredEffects([made], 'kvm1')).toMatchObject([{ off: [20, 22], on: [10] }]);
});
