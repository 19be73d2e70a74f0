import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CallName } from '../../libvirt/calls/all.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { LifecycleEvent, ShutoffReason, StoppedDetail } from '../../libvirt/constants.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { RateTracker, type SampleRates } from '../../sampler/rate-tracker.ts';
import { SampleClock } from '../../sampler/sample-clock.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { type TemporarySocket, temporarySocket } from './temporary-socket.ts';

const HOUR_MS = 3_600_000;
const SET: readonly (readonly [string, number])[] = [
  ['ahead by three hours', 3 * HOUR_MS],
  ['back by three hours', -3 * HOUR_MS],
  ['from 1970', 56 * 365 * 24 * HOUR_MS],
];

/** Elapsed time on a clock that is never set, which the simulated host uses. */
let passedMs: number;
/** Offset of virtune's wall clock. */
let setByMs: number;
let socket: TemporarySocket;
let daemon: SimulatedDaemon;
let calls: CallName[];
const samplers: Sampler[] = [];

beforeEach(async () => {
  passedMs = Date.parse('2026-01-02T03:04:05.000Z');
  setByMs = 0;
  calls = [];
  socket = temporarySocket();
  daemon = new SimulatedDaemon(
    new SimulatedHost(withVmCount(findScenario('noisy-neighbour'), 8), { now: () => passedMs }),
    { onCall: (name) => calls.push(name) },
  );
  await daemon.listen({ path: socket.path });
});
afterEach(async () => {
  for (const vm of daemon.host.vms) daemon.faults.unhang(vm);
  await Promise.all(samplers.splice(0).map((sampler) => sampler.close()));
  await daemon.stop();
  socket.remove();
});

/** Deadlines that a busy machine also keeps as long as no VM hangs. */
const PATIENT = { domainDeadlineMs: 20_000, tickDeadlineMs: 60_000 };

function samplerOf(
  now: () => number,
  deadlines: typeof PATIENT = { domainDeadlineMs: 150, tickDeadlineMs: 3_000 },
): Sampler {
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    ...deadlines,
    now,
    steadyMs: () => passedMs,
  });
  samplers.push(sampler);
  return sampler;
}

/** A sampler whose clock is offset by `setByMs`. */
const affected = (deadlines?: typeof PATIENT): Sampler => samplerOf(() => passedMs + setByMs, deadlines);

/** Figures that need two samples; those of the host may come late, and are checked by their timestamp. */
function comparable(sample: HostSample, rates: SampleRates) {
  return {
    contention: sample.contention,
    limits: sample.domains.map(({ limitUses }) => limitUses),
    hostMs: rates.host?.elapsedMs,
    domains: rates.domains.map(({ rates: own, cpuUsage }) => [own, cpuUsage]),
  };
}

test.each(SET)('rates are right in each sample while the clock is set %s and back', async (_, byMs) => {
  const [wrong, right] = [affected(PATIENT), samplerOf(() => passedMs, PATIENT)];
  const trackers = [new RateTracker(), new RateTracker()] as const;
  for (const ms of [0, 0, byMs, byMs, byMs, 0, 0]) {
    passedMs += 6_000;
    setByMs = ms;
    const expected = await right.sample();
    const sample = await wrong.sample();
    expect(sample.startedAtMs).toBe(expected.startedAtMs + ms);
    const rates = trackers[0].next(sample);
    expect(comparable(sample, rates)).toEqual(comparable(expected, trackers[1].next(expected)));
  }
});

test('a clock that is set in the middle of a sample counts from the next one on', async () => {
  const sampler = samplerOf(() => {
    // The clock jumps by an hour whenever it is read.
    setByMs += HOUR_MS;
    return passedMs + setByMs;
  });
  const tracker = new RateTracker();
  tracker.next(await sampler.sample());
  passedMs += 10_000;
  const sample = await sampler.sample();
  for (const { outcome } of sample.domains)
    expect(outcome).toMatchObject({ kind: 'fresh', atMs: sample.startedAtMs });
  expect(tracker.next(sample).host?.elapsedMs).toBe(10_000);
});

test('after a clock was set back by hours, what is read now and then is read as often as before', async () => {
  const sampler = affected();
  await sampler.sample();
  await sampler.sample();
  setByMs = -3 * HOUR_MS;
  calls = [];
  // Pools are due every 30 s, marks and definitions every two minutes.
  for (let at = 0; at < 13; at++) {
    passedMs += 10_000;
    await sampler.sample();
  }
  const count = (name: CallName): number => calls.filter((each) => each === name).length;
  expect(count('storagePoolGetInfo')).toBeGreaterThanOrEqual(3);
  expect(count('domainGetXmlDesc')).toBeGreaterThanOrEqual(8);
  expect((await sampler.sample()).host?.pools[0]?.ageMs).toBeLessThan(HOUR_MS);
});

test.each(SET)(
  'ages of a VM that hangs and of a crash are right after the clock was set %s',
  async (_, byMs) => {
    const sampler = affected();
    await sampler.sample();
    const [stuck, crashed] = daemon.host.vms.filter(({ domain }) => domain.id !== -1);
    if (stuck === undefined || crashed === undefined) throw new Error('the host has too few VMs');
    daemon.faults.hang(stuck);
    daemon.host.stop(crashed, ShutoffReason.crashed);
    daemon.emit('lifecycle', {
      domain: { ...crashed.domain, id: -1 },
      event: LifecycleEvent.stopped,
      detail: StoppedDetail.failed,
    });
    passedMs += 10_000;
    const outcome = async () => {
      const sample = await sampler.sample();
      const found = sample.domains.find(({ domain }) => domain.uuid === stuck.domain.uuid);
      return { sample, found };
    };
    await vi.waitFor(async () => expect((await outcome()).found?.outcome.kind).toBe('unresponsive'));
    const before = await outcome();
    setByMs = byMs;
    passedMs += 10_000;
    const { sample, found } = await outcome();
    const sinceMs = (of: typeof before): number =>
      of.found?.outcome.kind === 'unresponsive'
        ? of.sample.startedAtMs - of.found.outcome.sinceMs
        : Number.NaN;
    expect(sinceMs({ sample, found })).toBe(sinceMs(before) + 10_000);
    expect(sample.startedAtMs - (found?.lastFreshAtMs ?? 0)).toBe(20_000);
    const [crash] = sample.crashes ?? [];
    expect(sample.startedAtMs - (crash?.atMs ?? 0)).toBe(
      before.sample.startedAtMs - (before.sample.crashes?.[0]?.atMs ?? 0) + 10_000,
    );
  },
);

test.each(SET)('charts and advice span what has passed, after the clock was set %s', async (_, byMs) => {
  const sampler = affected();
  const model = new HostModel({ name: 'kvm1', uri: 'qemu:///system', groups: new Set(['domain', 'host']) });
  for (const ms of [0, 0, byMs, byMs]) {
    setByMs = ms;
    model.ingest(await sampler.sample());
    passedMs += 10_000;
  }
  const [first = 0, ...rest] = model.view.history.times(300);
  expect(rest.map((atMs) => atMs - first)).toEqual([10_000, 20_000, 30_000]);
  const { observation } = model.view.advice;
  expect((observation?.toMs ?? 0) - (observation?.fromMs ?? 0)).toBe(20_000);
  expect(observation?.toMs).toBe(passedMs - 10_000 + byMs);
});

test('what NTP slews and a call takes is not a clock that was set', () => {
  let wallMs = 1_000_000;
  let steadyMs = 5_000;
  const clock = new SampleClock(
    () => wallMs,
    () => steadyMs,
  );
  expect(clock.nowMs()).toBe(1_000_000);
  wallMs += 1_020;
  steadyMs += 1_000;
  expect(clock.startTick()).toBe(0);
  expect(clock.nowMs()).toBe(1_001_020);
  wallMs += HOUR_MS;
  expect(clock.nowMs()).toBe(1_001_020);
  expect(clock.startTick()).toBe(HOUR_MS);
  expect(clock.nowMs()).toBe(1_001_020 + HOUR_MS);
});
