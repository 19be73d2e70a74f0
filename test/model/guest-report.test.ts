import { expect, test } from 'vitest';
import { type GuestReport, nextReport, ratesShown } from '../../model/guest-report.ts';
import type { BalloonStats } from '../../model/stats/types.ts';

const balloon = (lastUpdateSeconds: number, swapInKiB: number): BalloonStats => ({
  lastUpdateSeconds,
  swapInKiB,
});

/** The rates shown for each of these samples. */
function shown(samples: readonly (readonly [atMs: number, BalloonStats])[]): (number | undefined)[] {
  let report: GuestReport | undefined;
  let lastMs: number | undefined;
  return samples.map(([atMs, stats]) => {
    report = nextReport(report, stats, atMs, lastMs === undefined ? undefined : atMs - lastMs);
    lastMs = atMs;
    return report && ratesShown(report, stats).swapInKiB;
  });
}

test('a guest that swaps all the time has its rate in each sample, not only in the one after its report', () => {
  const samples = Array.from({ length: 11 }, (_, index) => {
    const seconds = 1_000 + 2 * index;
    const reported = Math.floor(seconds / 10) * 10;
    return [2_000 * index, balloon(reported, 50 * reported)] as const;
  });
  expect(shown(samples)).toEqual([...Array.from({ length: 5 }, () => undefined), 50, 50, 50, 50, 50, 50]);
});

test('a report that comes late is divided by the time between the reports, by the clock that stamped them', () => {
  expect(
    shown([
      [0, balloon(1_000, 0)],
      [2_000, balloon(1_001, 10)],
      // Seen 4 s later, but made 3 s later.
      [6_000, balloon(1_004, 40)],
    ]),
  ).toEqual([undefined, 10, 10]);
});

test.each([
  ['back', 400],
  ['ahead', 90_000],
])('a host whose clock is set %s does not make the rate wrong', (_, seconds) => {
  expect(
    shown([
      [0, balloon(1_000, 0)],
      [10_000, balloon(1_010, 100)],
      [20_000, balloon(seconds, 200)],
    ]),
  ).toEqual([undefined, 10, 10]);
});

test('a guest that has stopped reporting has no rates, and one that boots again below its QEMU begins again', () => {
  expect(
    shown([
      [0, balloon(1_000, 500)],
      [10_000, balloon(1_010, 600)],
      [20_000, { lastUpdateSeconds: 1_010 }],
      [30_000, balloon(1_030, 7)],
      [40_000, balloon(1_040, 17)],
    ]),
  ).toEqual([undefined, 10, undefined, undefined, 1]);
});
