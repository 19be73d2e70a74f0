import { expect, test } from 'vitest';
import type { Advice } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { DomainState, ShutoffReason } from '../../libvirt/constants.ts';
import type { Crash } from '../../sampler/host-sample.ts';
import { hostOf, vmOf } from './made-host.ts';

const DAY_MS = 86_400_000;

/** A VM in this state; without an ID it has no QEMU. */
function inState(state: number, reason: number, id = -1): ObservedVm {
  const vm = vmOf('pg-orders', { places: [{ vcpus: 2, run: 0 }] });
  const { sample } = vm;
  return {
    ...vm,
    running: false,
    sample: {
      ...sample,
      domain: { ...sample.domain, id },
      summary: { ...sample.summary, state, reason },
    },
  } as ObservedVm;
}

function crashAdvice(vms: readonly ObservedVm[], crashes: readonly Crash[] = []): readonly Advice[] {
  const observation = hostOf(vms);
  return advise({ ...observation, newest: { ...observation.newest, crashes } }, { minSamples: 5 }).filter(
    ({ kind }) => kind === 'vm-crashed',
  );
}

const changeOf = (advice: readonly Advice[]) => advice.map(({ remedies }) => remedies[0]?.change);

test('a VM whose QEMU died, or that libvirtd killed, is found although it is only off', () => {
  const died = crashAdvice([inState(DomainState.shutoff, ShutoffReason.crashed)]);
  expect(died).toMatchObject([
    { severity: 'bad', harm: 1, victims: [{ name: 'pg-orders', evidence: 'off, reason crashed' }] },
  ]);
  expect(died[0]?.remedies[0]?.steps[0]?.argv).toEqual(['virsh', 'domstate', 'pg-orders', '--reason']);
  expect(changeOf(died)).toEqual([expect.stringMatching(/then start it again$/)]);
  expect(crashAdvice([inState(DomainState.shutoff, ShutoffReason.daemon)])).toMatchObject([
    { cause: 'libvirtd could not reconnect to its QEMU, and killed it' },
  ]);
  for (const reason of [ShutoffReason.shutdown, ShutoffReason.destroyed, ShutoffReason.migrated])
    expect(crashAdvice([inState(DomainState.shutoff, reason)])).toEqual([]);
});

test('a guest that panicked and kept its QEMU has to be ended before it can start again', () => {
  const kept = crashAdvice([inState(DomainState.crashed, 1, 7)]);
  expect(kept).toMatchObject([{ victims: [{ evidence: 'state crashed' }] }]);
  expect(changeOf(kept)).toEqual([expect.stringMatching(/virsh dump .* virsh destroy, then start it again/)]);
});

test('a VM that was not started for a day is left off on purpose', () => {
  const vm = inState(DomainState.shutoff, ShutoffReason.crashed);
  const of = (agoMs: number) =>
    crashAdvice([vm], [{ uuid: vm.uuid, name: vm.name, atMs: hostOf([]).toMs - agoMs }]);
  expect(of(DAY_MS)).toMatchObject([{ severity: 'bad', harm: 1 }]);
  expect(of(DAY_MS + 1)).toMatchObject([{ severity: 'info', harm: 0 }]);
});

test('a transient VM that crashed is named after libvirt has forgotten it, without a command', () => {
  const crash = { uuid: 'ffffffff-0000-4000-8000-000000000000', name: 'runner', atMs: 14_000 };
  expect(crashAdvice([], [crash])).toMatchObject([
    {
      id: 'vm-crashed:ffffffff',
      victims: [{ name: 'runner', evidence: 'no longer listed by libvirt' }],
      remedies: [{ steps: [], change: expect.stringContaining('create it again') }],
    },
  ]);
});
