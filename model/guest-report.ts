import { perSecond } from './per-second.ts';
import type { BalloonStats } from './stats/types.ts';

const MEMORY_COUNTERS = ['swapInKiB', 'swapOutKiB', 'majorFaults', 'minorFaults'] as const;

type MemoryCounter = (typeof MEMORY_COUNTERS)[number];

/** Counters of the guest, per second, between its previous report and its last one. */
export type MemoryRates = { readonly [K in MemoryCounter]?: number };

/**
 * The last report of a guest's counters. QEMU polls the guest once per stats period and repeats the answer until the
 * next one, so rates between samples would be 0 in most samples and too high in the others.
 */
export interface GuestReport {
  /** From QEMU, seconds since 1970 by the host's clock. */
  readonly lastUpdateSeconds: number;
  /** When virtune first saw it, by the samples' clock. */
  readonly seenAtMs: number;
  /** Upper bound of the time between its arrival and `seenAtMs`; infinite without a previous sample. */
  readonly lateMs: number;
  readonly counters: Pick<BalloonStats, MemoryCounter>;
  /** Since the previous report; empty in the first. */
  readonly rates: MemoryRates;
}

/** QEMU reports the time in whole seconds. */
const ROUNDING_MS = 1_000;

/**
 * The report that a sample shows: the previous one, or a new one with the rates since.
 *
 * @param previous of the same run of the VM
 * @param balloon of the sample; without counters where these are too old
 * @param atMs when the sample was taken, monotonic clock
 * @param sinceSampleMs since the previous sample
 */
export function nextReport(
  previous: GuestReport | undefined,
  balloon: BalloonStats,
  atMs: number,
  sinceSampleMs = Number.POSITIVE_INFINITY,
): GuestReport | undefined {
  const { lastUpdateSeconds } = balloon;
  const isNew = lastUpdateSeconds !== previous?.lastUpdateSeconds;
  if (!lastUpdateSeconds || !isNew || MEMORY_COUNTERS.every((name) => balloon[name] === undefined))
    return previous;
  const { swapInKiB, swapOutKiB, majorFaults, minorFaults } = balloon;
  const seen = { lastUpdateSeconds, seenAtMs: atMs, lateMs: sinceSampleMs };
  return {
    ...seen,
    counters: {
      ...(swapInKiB !== undefined && { swapInKiB }),
      ...(swapOutKiB !== undefined && { swapOutKiB }),
      ...(majorFaults !== undefined && { majorFaults }),
      ...(minorFaults !== undefined && { minorFaults }),
    },
    rates: previous === undefined ? {} : memoryRates(previous.counters, balloon, elapsedMs(previous, seen)),
  };
}

type Seen = Pick<GuestReport, 'lastUpdateSeconds' | 'seenAtMs' | 'lateMs'>;

/** By the host's clock, which stamped both; by virtune's where the host's clock was set in between. */
function elapsedMs(previous: Seen, now: Seen): number {
  const stampedMs = (now.lastUpdateSeconds - previous.lastUpdateSeconds) * 1_000;
  const seenMs = now.seenAtMs - previous.seenAtMs;
  const wasSet = Math.abs(stampedMs - seenMs) > previous.lateMs + now.lateMs + ROUNDING_MS;
  return stampedMs <= 0 || wasSet ? seenMs : stampedMs;
}

/** The report's rates, without those of counters that the sample withholds. */
export function ratesShown({ rates }: GuestReport, balloon: BalloonStats): MemoryRates {
  const shown: { -readonly [K in keyof MemoryRates]: number } = {};
  for (const name of MEMORY_COUNTERS) {
    const rate = rates[name];
    if (rate !== undefined && balloon[name] !== undefined) shown[name] = rate;
  }
  return shown;
}

/** Growth per second of a guest's counters; a counter that is new, gone or was reset has no rate. */
export function memoryRates(
  before: Pick<BalloonStats, MemoryCounter>,
  now: Pick<BalloonStats, MemoryCounter>,
  elapsedMs: number,
): MemoryRates {
  const rates: { -readonly [K in MemoryCounter]?: number } = {};
  for (const name of MEMORY_COUNTERS) {
    const rate = perSecond(before[name], now[name], elapsedMs);
    if (rate !== undefined) rates[name] = rate;
  }
  return rates;
}
