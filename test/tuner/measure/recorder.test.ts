import { expect, test } from 'vitest';
import { Recorder } from '../../../tuner/measure/recorder.ts';

function recorderOf(sampleMs = 0, runAt: (atMs: number) => number | undefined = () => 1) {
  let now = 1_000;
  const recorder = new Recorder(
    async () => {
      now += sampleMs;
      return new Map([['latency', { run: runAt(now), value: now, missing: 'it is shut off' }]]);
    },
    5_000,
    {
      nowMs: () => now,
      wait: async (ms) => {
        now += ms;
      },
    },
  );
  return { recorder, times: () => recorder.series('latency').map(({ atMs }) => atMs) };
}

test('samples are taken at once, at each interval, and at the end', async () => {
  const { recorder, times } = recorderOf();
  await recorder.until(12_000);
  expect(times()).toEqual([0, 5_000, 10_000, 12_000]);
  await recorder.until(20_000);
  expect(times().slice(4)).toEqual([17_000, 20_000]);
});

test('samples that take longer than the interval follow each other, and end in time', async () => {
  const { recorder, times } = recorderOf(7_000);
  await recorder.until(20_000);
  expect(times()).toEqual([7_000, 14_000, 21_000]);
});

const OWN = { figure: 'latency', during: 'in block 2 of 12' };

test('it ends when the VM that has to run does not, with when and why, and not when its figure is absent', async () => {
  const { recorder } = recorderOf(0, (atMs) => (atMs < 8_000 ? 1 : undefined));
  await expect(recorder.until(20_000, OWN)).rejects.toMatchObject({
    code: 'TUNE_MEASURE',
    message: 'the VM stopped running in block 2 of 12: it is shut off',
  });
  const absent = { ...OWN, figure: 'absent' };
  await expect(recorderOf().recorder.until(5_000, absent)).resolves.toBeUndefined();
});

test('it ends when the VM is in another run than before, unless a restart was expected', async () => {
  const runAt = (atMs: number): number => (atMs < 8_000 ? 1 : 2);
  await expect(recorderOf(0, runAt).recorder.until(20_000, OWN)).rejects.toMatchObject({
    code: 'TUNE_MEASURE',
    message: 'the VM was restarted in block 2 of 12',
  });
  const { recorder } = recorderOf(0, runAt);
  await recorder.until(5_000, OWN);
  recorder.expectNewRun();
  await expect(recorder.until(20_000, OWN)).resolves.toBeUndefined();
});

test('a check after a sample can end it', async () => {
  const { recorder, times } = recorderOf();
  const check = () => {
    if (times().length === 2) throw new Error('enough');
  };
  await expect(recorder.until(60_000, OWN, check)).rejects.toThrow('enough');
  expect(times()).toEqual([0, 5_000]);
});
