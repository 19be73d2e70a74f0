import { expect, test } from 'vitest';
import { ContentionTracker } from '../../sampler/contention-tracker.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { hostSample } from '../tui/scene-of.ts';

const at = (seconds: number, startedAtMs = seconds * 1_000): HostSample =>
  hostSample(startedAtMs, [{ figures: { 'vcpu.0.time': seconds * 6e8, 'vcpu.0.delay': seconds * 2e8 } }]);

test('contention is since the sample that this reader took in before, and a preview does not count as one', () => {
  const tracker = new ContentionTracker();
  expect(tracker.preview(at(9))).toBeUndefined();
  expect(tracker.next(at(10))).toBeUndefined();
  expect(tracker.preview(at(11))).toEqual({ runNs: 6e8, delayNs: 2e8, elapsedMs: 1_000 });
  expect(tracker.next(at(12))).toEqual({ runNs: 12e8, delayNs: 4e8, elapsedMs: 2_000 });
  expect(tracker.next(at(13))).toEqual({ runNs: 6e8, delayNs: 2e8, elapsedMs: 1_000 });
});

test('after the clock was set back there is no contention until the next sample', () => {
  const tracker = new ContentionTracker();
  tracker.next(at(10));
  expect(tracker.next(at(11, 10_000))).toBeUndefined();
  expect(tracker.next(at(12, 4_000))).toBeUndefined();
  expect(tracker.next(at(13, 5_000))).toMatchObject({ elapsedMs: 1_000 });
});
