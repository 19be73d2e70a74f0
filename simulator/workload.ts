import { noise } from './random.ts';

export const WORKLOADS = ['oltp', 'web', 'batch', 'windows', 'idle'] as const;
export type WorkloadKind = (typeof WORKLOADS)[number];

/** What a VM would do per second without contention. */
export interface Demand {
  /** CPU seconds a second that each vCPU wants, 0 to 1. */
  readonly cpuPerVcpu: number;
  readonly readRequests: number;
  readonly writeRequests: number;
  readonly flushRequests: number;
  readonly requestBytes: number;
  readonly packets: number;
  readonly packetBytes: number;
}

interface Profile {
  readonly cpu: number;
  /** Fraction that follows the time of day. */
  readonly daily: number;
  /** Fraction that fluctuates within minutes. */
  readonly bursts: number;
  readonly reads: number;
  readonly writes: number;
  readonly flushes: number;
  readonly requestBytes: number;
  readonly packets: number;
  readonly packetBytes: number;
}

const PROFILES: Readonly<Record<WorkloadKind, Profile>> = {
  oltp: {
    cpu: 0.45,
    daily: 0.5,
    bursts: 0.3,
    reads: 900,
    writes: 700,
    flushes: 220,
    requestBytes: 8_192,
    packets: 9_000,
    packetBytes: 320,
  },
  web: {
    cpu: 0.25,
    daily: 0.7,
    bursts: 0.4,
    reads: 20,
    writes: 35,
    flushes: 4,
    requestBytes: 16_384,
    packets: 14_000,
    packetBytes: 700,
  },
  batch: {
    cpu: 0.75,
    daily: 0.1,
    bursts: 0.6,
    reads: 240,
    writes: 180,
    flushes: 2,
    requestBytes: 131_072,
    packets: 600,
    packetBytes: 1_200,
  },
  windows: {
    cpu: 0.2,
    daily: 0.6,
    bursts: 0.3,
    reads: 60,
    writes: 80,
    flushes: 12,
    requestBytes: 32_768,
    packets: 700,
    packetBytes: 500,
  },
  idle: {
    cpu: 0.008,
    daily: 0,
    bursts: 0.2,
    reads: 0.2,
    writes: 1,
    flushes: 0.2,
    requestBytes: 4_096,
    packets: 4,
    packetBytes: 120,
  },
};

const DAY_MS = 86_400_000;
/** Duration of a load burst. */
export const BURST_MS = 45_000;

/** Deterministic in seed and time. */
export function demandAt(
  kind: WorkloadKind,
  seed: number,
  atMs: number,
  load: number,
  burstMs = BURST_MS,
): Demand {
  const profile = PROFILES[kind];
  // Busiest at 14:00 UTC, quietest at 2:00.
  const daily =
    1 - profile.daily / 2 + (profile.daily / 2) * Math.sin(((atMs % DAY_MS) / DAY_MS) * 2 * Math.PI - 2.09);
  const burst = 1 + profile.bursts * (2 * noise(seed, Math.floor(atMs / burstMs)) - 1);
  const jitter = 0.9 + 0.2 * noise(seed ^ 0x5bd1e995, Math.floor(atMs / 1_000));
  const level = daily * burst * jitter * load;
  return {
    cpuPerVcpu: Math.min(1, profile.cpu * level),
    readRequests: profile.reads * level,
    writeRequests: profile.writes * level,
    flushRequests: profile.flushes * level,
    requestBytes: profile.requestBytes,
    packets: profile.packets * level,
    packetBytes: profile.packetBytes,
  };
}
