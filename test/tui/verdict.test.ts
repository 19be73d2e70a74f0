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
  /** Shares of time in which tasks waited; without `hasPressure` the kernel does not measure them. */
  readonly memorySome?: number;
  readonly ioSome?: number;
  readonly hasPressure?: boolean;
  /** Of the VM's only vCPU. */
  readonly delayShare?: number;
  readonly isLocal?: boolean;
}

const GIB = 1_048_576;

/** The verdict on a host of 16 GiB after five seconds. */
function verdictAfter(of: HostOf) {
  const { availableKiB = 8 * GIB, swapIn = 0, delayShare = 0, isLocal = true } = of;
  const { memorySome = 0, ioSome = 0, hasPressure = true } = of;
  const model = new HostModel({ name: 'h', uri: 'qemu:///system', groups: DEFAULT_GROUPS });
  for (let second = 0; second < 5; second++) {
    const vm: VmSpec = {
      figures: { 'vcpu.0.time': second * 5e8, 'vcpu.0.delay': second * 5e8 * delayShare },
    };
    const sample = hostSample(second * 1_000, [vm]);
    const local: HostFigures['local'] = {
      load: undefined,
      pressure: new Map(
        hasPressure
          ? [
              ['memory', { someNs: second * 1e9 * memorySome, fullNs: 0 }],
              ['io', { someNs: second * 1e9 * ioSome, fullNs: 0 }],
            ]
          : [],
      ),
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
  expect(verdictAfter({ availableKiB: 0.6 * GIB, swapIn: 500, ioSome: 0.05 })).toEqual({
    text: 'MEMORY SHORT',
    role: 'bad',
  });
});

test('swap-in counts if some task waits for it, and where the kernel does not measure that', () => {
  expect(verdictAfter({ swapIn: 500 })).toEqual({ text: 'ok', role: 'ok' });
  expect(verdictAfter({ swapIn: 500, ioSome: 0.05 })).toEqual({ text: 'SWAPPING', role: 'bad' });
  expect(verdictAfter({ swapIn: 500, memorySome: 0.02 })).toEqual({ text: 'SWAPPING', role: 'bad' });
  expect(verdictAfter({ swapIn: 500, hasPressure: false })).toEqual({ text: 'SWAPPING', role: 'bad' });
  // Advice does not call it short of memory, either.
  expect(verdictAfter({ availableKiB: 0.6 * GIB, swapIn: 500 })).toEqual({
    text: 'ok, memory almost full',
    role: 'warn',
  });
  expect(verdictAfter({ swapIn: 100, ioSome: 0.05 })).toEqual({ text: 'ok', role: 'ok' });
});

test('a host that waits for memory although it has some is warned of, and not called short', () => {
  expect(verdictAfter({ memorySome: 0.2 })).toEqual({ text: 'ok, memory pressure', role: 'warn' });
});

test('contention and lack of memory are both named', () => {
  expect(verdictAfter({ delayShare: 0.5 })).toEqual({ text: 'CPU CONTENTION', role: 'bad' });
  expect(verdictAfter({ delayShare: 0.5, swapIn: 500, ioSome: 0.05 })).toEqual({
    text: 'CPU CONTENTION, SWAPPING',
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
