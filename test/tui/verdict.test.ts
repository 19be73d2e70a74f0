import { expect, test } from 'vitest';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import type { HostFigures } from '../../model/host.ts';
import type { Overcommit } from '../../model/overcommit.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { verdictOf } from '../../tui/render/verdict.ts';
import { hostSample, type VmSpec } from './scene-of.ts';

interface HostOf {
  readonly availableKiB?: number;
  /** Pages per second. */
  readonly swapIn?: number;
  /** Of the VM's one vCPU. */
  readonly delayShare?: number;
  readonly isLocal?: boolean;
}

const GIB = 1_048_576;

/** The verdict on a host of 16 GiB after five seconds. */
function verdictAfter({ availableKiB = 8 * GIB, swapIn = 0, delayShare = 0, isLocal = true }: HostOf) {
  const model = new HostModel({ name: 'h', uri: 'qemu:///system', groups: DEFAULT_GROUPS });
  for (let second = 0; second < 5; second++) {
    const vm: VmSpec = {
      figures: { 'vcpu.0.time': second * 5e8, 'vcpu.0.delay': second * 5e8 * delayShare },
    };
    const sample = hostSample(second * 1_000, [vm]);
    const local: HostFigures['local'] = {
      load: undefined,
      pressure: new Map([['memory', { someNs: 0, fullNs: 0 }]]),
      meminfoKiB: new Map([['MemAvailable', availableKiB]]),
      vmstat: new Map([['pswpin', second * swapIn]]),
    };
    const host = { ...sample.host, ...(isLocal && { local }) } as HostFigures;
    model.ingest({
      ...sample,
      host,
      contention: { runNs: 5e8, delayNs: 5e8 * delayShare, elapsedMs: 1_000 },
    });
  }
  return verdictOf(model.view);
}

test('a host whose memory is not known is not called ok', () => {
  expect(verdictAfter({ isLocal: false })).toEqual({ text: 'ok, memory: unknown', role: 'text' });
  expect(verdictAfter({})).toEqual({ text: 'ok', role: 'ok' });
});

test('a host that is almost full, or that swaps, is in trouble whatever its ratios say', () => {
  expect(verdictAfter({ availableKiB: 0.6 * GIB })).toEqual({ text: 'ok, memory almost full', role: 'warn' });
  expect(verdictAfter({ availableKiB: 0.6 * GIB, swapIn: 500 })).toEqual({
    text: 'MEMORY SHORT',
    role: 'bad',
  });
  expect(verdictAfter({ swapIn: 500 })).toMatchObject({ role: 'bad' });
});

test('contention and lack of memory are both named', () => {
  expect(verdictAfter({ delayShare: 0.5 })).toEqual({ text: 'CPU CONTENTION', role: 'bad' });
  expect(verdictAfter({ delayShare: 0.5, swapIn: 500 })).toEqual({
    text: 'CPU CONTENTION, MEMORY SHORT',
    role: 'bad',
  });
});

test('an idle host whose VMs wait a large share of next to nothing is ok', () => {
  const { view } = new HostModel({ name: 'h', uri: 'qemu:///system', groups: DEFAULT_GROUPS });
  const verdict = (runNs: number, delayNs: number, vcpuRatio: number) =>
    verdictOf({
      ...view,
      sample: {
        ...hostSample(0, []),
        contention: { runNs, delayNs, elapsedMs: 1_000 },
        overcommit: { vcpuRatio } as Overcommit,
      },
    });
  expect(verdict(1e7, 1.5e6, 1.1)).toEqual({ text: 'overcommitted, ok', role: 'ok' });
  expect(verdict(1e7, 1.5e6, 0.9)).toEqual({ text: 'ok', role: 'ok' });
  expect(verdict(9e8, 1e8, 1.1)).toEqual({ text: 'overcommitted, ok', role: 'ok' });
  expect(verdict(9e8, 1.01e8, 1.1)).toEqual({ text: 'CPU OVERCOMMITTED', role: 'bad' });
  expect(verdict(1.5e9, 1.01e8, 1.1)).toEqual({ text: 'some CPU contention', role: 'warn' });
});
