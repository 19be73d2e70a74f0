import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { gather, samplesMax } from '../../cli/advise/gather.ts';
import { observeRecording } from '../../cli/advise/observe.ts';
import { Planner } from '../../cli/advise/planner.ts';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { Recorder } from '../../sampler/record/recorder.ts';
import { hostSample } from '../tui/scene-of.ts';

let said: string;
beforeEach(() => {
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const STEP_MS = 10;

/** A host that is sampled `count` times, and fails when `fails` says so. */
function hostOf(count: number, fails: (time: number) => boolean, vms = 1) {
  const stop = new AbortController();
  let time = 0;
  const host = {
    name: 'kvm1',
    uri: 'qemu:///system',
    groups: DEFAULT_GROUPS,
    sample: () => {
      const now = time++;
      if (time >= count) stop.abort();
      if (fails(now)) return Promise.reject(new Error('the daemon was restarted'));
      const specs = Array.from({ length: vms }, (_, vm) => ({ name: `vm${vm}`, cpuTimeNs: now * 5e8 }));
      return Promise.resolve(hostSample(now * 1_000, specs));
    },
  };
  return { host, signal: stop.signal };
}

const OPTIONS = { for: 60, every: STEP_MS / 1_000, check: () => undefined };

test('a host that cannot be asked for a while is sampled again, and what was seen counts', async () => {
  const { host, signal } = hostOf(10, (time) => time >= 2 && time < 5);
  const gathered = await gather(host, { ...OPTIONS, signal });
  // Rates also span the outage: three of ten samples are missing, and the first has no rates.
  expect(gathered?.window.observation?.samples).toBe(6);
  expect(gathered?.newest.startedAtMs).toBe(9_000);
  expect(said.match(/cannot sample kvm1, retrying.*the daemon was restarted/g)).toHaveLength(1);
  expect(said).toContain('kvm1 is sampled again');
});

test('a host that stays away leaves what was seen of it', async () => {
  const { host, signal } = hostOf(8, (time) => time >= 4);
  const gathered = await gather(host, { ...OPTIONS, signal });
  expect(gathered?.window.observation?.samples).toBe(3);
});

test('a first sample that fails is an error, and so is what the first sample shows to be wrong', async () => {
  const { host, signal } = hostOf(3, (time) => time === 0);
  await expect(gather(host, { ...OPTIONS, signal })).rejects.toThrow('the daemon was restarted');
  const other = hostOf(3, () => false);
  const check = (): never => {
    throw new Error('no such VM');
  };
  await expect(gather(other.host, { ...OPTIONS, signal: other.signal, check })).rejects.toThrow('no such VM');
});

test('an observation of many samples takes them at longer intervals, as many as memory holds', async () => {
  expect([1, 300, 1_000, 5_000, 1e6].map(samplesMax)).toEqual([10_800, 6_666, 2_000, 400, 300]);
  for (const vms of [300, 1_000, 5_000]) expect(samplesMax(vms) * vms * 50 * 8).toBeLessThan(1e9);
  const { host, signal } = hostOf(1, () => false, 400);
  await gather(host, { ...OPTIONS, for: 86_400, every: 2, signal });
  expect(said).toContain(
    'sampling every 17s300ms instead of 2s: only 5000 samples of 400 VMs fit into memory',
  );
  const short = hostOf(1, () => false, 400);
  said = '';
  await gather(short.host, { ...OPTIONS, for: 120, every: 2, signal: short.signal });
  expect(said).toBe('');
});

test('of a long recording every second sample counts, or fewer, and the last', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-observe-'));
  try {
    const file = join(folder, 'a.rec');
    const recorder = await Recorder.create(file);
    for (let at = 0; at < 12; at++) {
      recorder.add(
        { name: 'kvm1', uri: 'qemu:///system', groups: ['domain'] },
        hostSample(at * 1_000, [{ cpuTimeNs: at * 5e8 }]),
      );
    }
    await recorder.close();
    const seen = (kept: number) => {
      const observations = observeRecording(file, () => kept).map(({ observation }) => observation);
      return observations.map(({ samples, fromMs, newest, vms }) => [
        samples,
        fromMs,
        newest.startedAtMs,
        vms[0]?.usedCpus.values,
      ]);
    };
    // The samples at 0, 3, 6, 9 and 11 s.
    expect(seen(5)).toEqual([[4, 3_000, 11_000, [0.5, 0.5, 0.5, 0.5]]]);
    expect(seen(100)[0]?.[0]).toBe(11);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a profile whose plan needs a host that is away by then is not offered, and the rest of the advice is', async () => {
  const planner = new Planner('qemu:///system?socket=/no/such/socket', { profiles: [] });
  expect(await planner.refusal({ name: 'balanced', vms: [] })).toMatch(
    /^its plan cannot be made: .*\/no\/such/,
  );
});
