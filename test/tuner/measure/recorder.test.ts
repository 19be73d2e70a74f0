import { expect, test } from 'vitest';
import { Recorder } from '../../../tuner/measure/recorder.ts';

function recorderOf(sampleMs = 0, runs: (atMs: number) => boolean = () => true) {
  let now = 1_000;
  const recorder = new Recorder(
    async () => {
      now += sampleMs;
      return new Map([['latency', { run: runs(now) ? 1 : undefined, value: now }]]);
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

test('it ends when the VM that has to run does not, and not when its figure is absent', async () => {
  const { recorder } = recorderOf(0, (atMs) => atMs < 8_000);
  await expect(recorder.until(20_000, 'latency')).rejects.toMatchObject({ code: 'TUNE_MEASURE' });
  await expect(recorderOf().recorder.until(5_000, 'absent')).resolves.toBeUndefined();
});

test('a check after a sample can end it', async () => {
  const { recorder, times } = recorderOf();
  const check = () => {
    if (times().length === 2) throw new Error('enough');
  };
  await expect(recorder.until(60_000, 'latency', check)).rejects.toThrow('enough');
  expect(times()).toEqual([0, 5_000]);
});
